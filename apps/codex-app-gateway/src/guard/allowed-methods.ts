import {
  clientCapabilities,
  configOverrides,
  environmentId,
  environments,
  modelProvider,
  type ParameterRule,
  projectTrust,
  rolloutPath,
  userInput,
} from './parameter-rules.ts';

/*
 * Every method of the app-server protocol (0.140.0 and 0.169.0, experimental ones included) is in one of two tables here:
 * allowed, with each of its parameters, or in refused-methods.ts. What is in neither is refused. A test compares the tables
 * with the schema that the real CLI prints, so that what a new version adds stays refused until somebody decided on it.
 */

/** What happens to each parameter of a method; one that is listed nowhere is left out of what is passed on. */
export interface MethodRules {
  /** Passed on as they are. */
  readonly pass: readonly string[];
  /** Passed on when the rule has nothing against the value. */
  readonly check: Readonly<Record<string, ParameterRule>>;
  /** Left out: the app-server would look at a folder of the gateway's host. */
  readonly drop: readonly string[];
  /** A call that has them is refused, with the reason. */
  readonly refuse: Readonly<Record<string, string>>;
}

interface Entry {
  readonly pass?: string;
  readonly check?: Readonly<Record<string, ParameterRule>>;
  readonly drop?: string;
  readonly refuse?: Readonly<Record<string, string>>;
}

const HOST_FOLDER = "it names a folder of the gateway's host";
const PAGE = 'cursor limit';

const THREAD_SETTINGS = {
  pass: `model serviceTier cwd runtimeWorkspaceRoots approvalPolicy approvalsReviewer sandbox permissions
    baseInstructions developerInstructions`,
  check: { modelProvider, config: configOverrides },
};

const ENTRIES: Readonly<Record<string, Entry>> = {
  initialize: { pass: 'clientInfo', check: { capabilities: clientCapabilities } },

  'thread/start': {
    pass: `${THREAD_SETTINGS.pass} allowProviderModelFallback daybreakEnabled dynamicTools ephemeral experimentalRawEvents
      historyMode multiAgentMode personality projectId serviceName sessionStartSource threadSource`,
    check: { ...THREAD_SETTINGS.check, environments },
    refuse: { selectedCapabilityRoots: HOST_FOLDER, mockExperimentalField: 'it is for tests of the CLI' },
  },
  'thread/resume': {
    pass: `${THREAD_SETTINGS.pass} threadId excludeTurns initialTurnsPage personality`,
    check: { ...THREAD_SETTINGS.check, path: rolloutPath },
    refuse: { history: 'threads are resumed by their id' },
  },
  'thread/fork': {
    pass: `${THREAD_SETTINGS.pass} threadId attachToSource beforeTurnId deferGoalContinuation ephemeral excludeTurns
      experimentalDisablePredictionMcp experimentalPredictionMode lastTurnId threadSource`,
    check: { ...THREAD_SETTINGS.check, path: rolloutPath },
  },
  'thread/settings/update': {
    pass: `threadId approvalPolicy approvalsReviewer collaborationMode cwd disabledPluginIds effort model multiAgentMode
      permissions personality sandboxPolicy serviceTier summary`,
    check: { environments },
  },
  'thread/archive': { pass: 'threadId' },
  'thread/unarchive': { pass: 'threadId' },
  'thread/delete': { pass: 'threadId' },
  'thread/unsubscribe': { pass: 'threadId' },
  'thread/name/set': { pass: 'threadId name' },
  'thread/metadata/update': { pass: 'threadId daybreakEnabled gitInfo projectId' },
  'thread/section/move': { pass: 'threadId sectionId beforeThreadId' },
  'thread/memoryMode/set': { pass: 'threadId mode' },
  'thread/readState/update': { pass: 'threadId expectedRevision operation' },
  'thread/increment_elicitation': { pass: 'threadId' },
  'thread/decrement_elicitation': { pass: 'threadId' },
  'thread/approveGuardianDeniedAction': { pass: 'threadId event' },
  'thread/guardianReview': { pass: 'threadId' },
  'thread/compact/start': { pass: 'threadId' },
  'thread/revert': { pass: 'threadId beforeTurnId' },
  'thread/rollback': { pass: 'threadId numTurns' },
  'thread/inject_items': { pass: 'threadId items' },
  'thread/prepareApprovedPlan': { pass: 'threadId markdown', refuse: { attachmentPath: HOST_FOLDER } },
  'thread/prediction/request': { pass: 'threadId sourceTurnId' },
  'thread/sample': {
    pass: `threadId allowInProgressTurn disableMcp effort expectedTurnId interruptOnCancel prompt
      responsesapiClientMetadata threadSource turnTrigger`,
  },
  'thread/sample/cancel': { pass: 'requestId' },

  'thread/list': {
    pass: `${PAGE} ancestorThreadId archived attachedToThreadId currentAccountOnly cwd excludedThreadIds
      includeAttachedThreads modelProviders originators parentThreadId projectId searchTerm sectionId sortDirection sortKey
      sourceKinds useStateDbOnly`,
  },
  'thread/loaded/list': { pass: PAGE },
  'thread/read': { pass: 'threadId includeTurns' },
  'thread/search': {
    pass: `${PAGE} archived currentAccountOnly includeAttachedThreads searchTerm sortDirection sortKey sourceKinds`,
  },
  'thread/searchOccurrences': { pass: `${PAGE} threadId searchTerm` },
  'thread/timeline/list': { pass: `${PAGE} threadId` },
  'thread/turns/list': { pass: `${PAGE} threadId itemsView sortDirection` },
  'thread/turns/items/list': { pass: `${PAGE} threadId turnId sortDirection` },
  'thread/items/list': { pass: `${PAGE} threadId turnId deferOutput sortDirection` },
  'thread/items/read': { pass: 'threadId turnId itemIds' },
  'thread/attachment/list': { pass: `${PAGE} threadId` },
  'thread/attachmentOwner/list': { pass: `${PAGE} archived attachmentType identityKey` },
  'thread/memory/read': { pass: 'threadId' },
  'threadSection/list': { pass: PAGE },
  'threadSection/create': { pass: 'name appearance' },
  'threadSection/update': { pass: 'sectionId name appearance' },
  'threadSection/delete': { pass: 'sectionId' },
  'project/list': { pass: `${PAGE} sortDirection sortKey` },
  'project/read': { pass: 'projectId' },

  'thread/goal/get': { pass: 'threadId' },
  'thread/goal/set': { pass: 'threadId objective origin status tokenBudget' },
  'thread/goal/clear': { pass: 'threadId origin' },
  'thread/queue/list': { pass: `${PAGE} threadId` },
  'thread/queue/add': { pass: 'threadId clientUserMessageId responsesapiClientMetadata', check: { input: userInput } },
  'thread/queue/update': {
    pass: 'threadId queuedSubmissionId responsesapiClientMetadata',
    check: { input: userInput },
  },
  'thread/queue/delete': { pass: 'threadId queuedSubmissionId' },
  'thread/queue/reorder': { pass: 'threadId queuedSubmissionIds' },
  'thread/queue/start': { pass: 'threadId queuedSubmissionId' },
  'thread/backgroundTerminals/list': { pass: `${PAGE} threadId` },
  'thread/backgroundTerminals/clean': { pass: 'threadId' },
  'thread/backgroundTerminals/terminate': { pass: 'threadId processId' },

  'turn/start': {
    pass: `threadId additionalContext approvalPolicy approvalsReviewer clientUserMessageId collaborationMode cwd
      cyberAccessProgram disabledPluginIds effort model multiAgentMode outputSchema parentTurnId permissions personality
      responsesapiClientMetadata responsesapiClientMetadataPatch rootTurnId runtimeWorkspaceRoots sandboxPolicy serviceTier
      serviceTierForTurn summary toolOutput turnTrigger`,
    check: { input: userInput, environments },
  },
  'turn/steer': {
    pass: `threadId expectedTurnId additionalContext clientUserMessageId responsesapiClientMetadata
      responsesapiClientMetadataPatch`,
    check: { input: userInput },
  },
  'turn/settings/update': {
    pass: 'threadId turnId approvalsReviewer effort model serviceTier summary',
    check: { environments },
  },
  'turn/interrupt': { pass: 'threadId turnId' },
  'review/start': { pass: 'threadId target delivery' },

  'model/list': { pass: `${PAGE} includeHidden`, check: { modelProvider } },
  'modelProvider/list': {},
  'modelProvider/capabilities/read': {},
  'collaborationMode/list': {},
  'experimentalFeature/list': { pass: `${PAGE} threadId` },
  'permissionProfile/list': { pass: PAGE, drop: 'cwd' },
  'memory/status': { pass: 'minConsolidatedThreads' },
  'skills/list': { pass: 'forceReload', drop: 'cwds' },
  'hooks/list': { pass: 'threadId', drop: 'cwds' },
  'plugin/list': { pass: 'forceRefetch marketplaceKinds', drop: 'cwds' },
  'plugin/installed': { pass: 'installSuggestionPluginNames', drop: 'cwds' },
  'app/list': { pass: `${PAGE} threadId forceRefetch` },
  'app/installed': { pass: 'threadId forceRefresh' },
  'app/read': { pass: 'threadId appIds includeTools' },
  'mcpServerStatus/list': { pass: `${PAGE} threadId detail serverName` },
  'environment/info': { check: { environmentId } },
  'environment/status': { check: { environmentId } },
  'config/read': { pass: 'includeLayers', drop: 'cwd' },
  'config/batchWrite': {
    pass: 'expectedVersion reloadUserConfig',
    check: { edits: projectTrust },
    refuse: { filePath: HOST_FOLDER },
  },
  'configRequirements/read': {},
  'account/read': { drop: 'refreshToken' },
  'account/rateLimits/read': { pass: 'excludeResetCreditDetails supportsLunaReserve' },
  'account/usage/read': { pass: 'threadId' },
  'account/workspaceMessages/read': {},
  'account/securitySetup/read': {},
  'account/bedrock/checkGovCloudRequirements': {},
  'remoteControl/status/read': {},
  'windowsSandbox/readiness': {},
};

/** The methods that clients may call, with what may be said to them. */
export const ALLOWED_METHODS: ReadonlyMap<string, MethodRules> = new Map(
  Object.entries(ENTRIES).map(([method, { pass = '', check = {}, drop = '', refuse = {} }]) => [
    method,
    { pass: words(pass), check, drop: words(drop), refuse },
  ]),
);

/** The notifications that clients may send. */
export const ALLOWED_NOTIFICATIONS: ReadonlySet<string> = new Set(['initialized']);

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
