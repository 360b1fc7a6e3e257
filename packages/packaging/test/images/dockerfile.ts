import {
  type Copy,
  DockerfileParser,
  type Env,
  type From,
  type Healthcheck,
  type Instruction,
  type JSONInstruction,
  type Label,
} from 'dockerfile-ast';
import { type App, readText } from '../repository.ts';

/** One instruction: its keyword in upper case, its flags, its words as the instruction means them. */
export interface Step {
  readonly keyword: string;
  readonly flags: Readonly<Record<string, string>>;
  /** The rest of the instruction on one line. */
  readonly text: string;
  /** The exec form's words, or the properties of ENV, LABEL and ARG as `name=value`; empty for others. */
  readonly items: readonly string[];
}

export interface Stage {
  /** After `AS`; `final` for the last one, which has no name. */
  readonly name: string;
  readonly base: string;
  readonly steps: readonly Step[];
}

/** The stages of an app's Dockerfile in order. */
export function readDockerfile(app: App): Stage[] {
  const stages: { name: string; base: string; steps: Step[] }[] = [];
  for (const instruction of DockerfileParser.parse(readText(`apps/${app}/Dockerfile`)).getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      const from = instruction as From;
      stages.push({ name: from.getBuildStage() ?? 'final', base: from.getImage() ?? '', steps: [] });
    } else {
      stages.at(-1)?.steps.push(toStep(instruction));
    }
  }
  return stages;
}

/** The last stage: what is in the image. */
export function finalStage(app: App): Stage {
  const stage = readDockerfile(app).at(-1);
  if (!stage) throw new Error(`apps/${app}/Dockerfile has no stage`);
  return stage;
}

/** `name=value` items of a stage's ENV or LABEL instructions as a record. */
export function properties(stage: Stage, keyword: 'ENV' | 'LABEL'): Record<string, string> {
  const items = stage.steps.filter((step) => step.keyword === keyword).flatMap((step) => step.items);
  return Object.fromEntries(items.map((item) => [item.slice(0, item.indexOf('=')), item.slice(item.indexOf('=') + 1)]));
}

/** The only instruction of that keyword in a stage. */
export function only(stage: Stage, keyword: string): Step {
  const [step, ...others] = stage.steps.filter((each) => each.keyword === keyword);
  if (!step || others.length > 0) throw new Error(`stage ${stage.name} needs exactly one ${keyword}`);
  return step;
}

function toStep(instruction: Instruction): Step {
  const keyword = instruction.getKeyword();
  const text = (instruction.getArgumentsContent() ?? '').replace(/\s*\\\n\s*/g, ' ').replace(/ {2,}/g, ' ');
  const flags = 'getFlags' in instruction ? (instruction as Copy).getFlags() : [];
  return {
    keyword,
    flags: Object.fromEntries(flags.map((flag) => [flag.getName(), flag.getValue() ?? ''])),
    text,
    items: itemsOf(instruction, keyword, text),
  };
}

function itemsOf(instruction: Instruction, keyword: string, text: string): string[] {
  if (keyword === 'ENV' || keyword === 'LABEL') {
    return (instruction as Env | Label).getProperties().map((each) => `${each.getName()}=${each.getValue()}`);
  }
  if (keyword === 'CMD') return (instruction as JSONInstruction).getJSONStrings().map((each) => each.getJSONValue());
  if (keyword === 'HEALTHCHECK') {
    if ((instruction as Healthcheck).getSubcommand()?.getValue() !== 'CMD')
      throw new Error('a HEALTHCHECK needs a CMD');
    return JSON.parse(text.slice(text.indexOf('['))) as string[];
  }
  return keyword === 'COPY' ? text.split(' ') : [];
}
