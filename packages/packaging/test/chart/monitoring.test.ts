import { documentedMetrics } from '@codex-gateways/testing';
import { parser } from '@prometheus-io/lezer-promql';
import { APPS, readText } from '../repository.ts';
import { describeWith, HELM, programOf, TOOL_TIMEOUT_MS } from '../tools/go-tool.ts';
import { find, render } from './helm.ts';
import { AGENTSERVER, FULL, MINIMAL } from './values-matrix.ts';

/** What Prometheus itself and the metrics library of Node.js bring. */
const NOT_OURS = /^(up|nodejs_\w+|process_\w+)$/;

/** Names of metrics in a PromQL expression: words before a brace, without the suffixes of a histogram. */
function metricsOf(expression: string): string[] {
  return (expression.match(/\b[a-z][a-z0-9_]*(?=\{)/g) ?? []).map((name) => name.replace(/_(bucket|sum|count)$/, ''));
}

/** The tests of the services hold its tables of metrics and the services together. */
const METRIC_HEADINGS = ['Every service', 'With a database', ...APPS];
const operations = () => readText('docs/operations.md');

describeWith(HELM)('monitoring', () => {
  beforeAll(() => programOf(HELM), TOOL_TIMEOUT_MS);

  const expressions = async () => {
    const objects = await render(FULL);
    const alerts =
      find(objects, 'PrometheusRule').spec?.groups?.flatMap(({ rules }) => rules.map(({ expr }) => expr)) ?? [];
    const board = JSON.parse(find(objects, 'ConfigMap', '-dashboard').data?.['codex-gateways.json'] ?? '') as {
      panels: { targets: { expr: string }[] }[];
    };
    return { alerts, panels: board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)) };
  };

  it('asks for metrics that the services have', async () => {
    const { alerts, panels } = await expressions();
    const scaledOn = ['codex_exec_connected_executors', 'cxg_app_connections'];
    const names = new Set([...alerts, ...panels].flatMap(metricsOf).concat(scaledOn));
    expect(names.size).toBeGreaterThan(10);
    const documented = new Set(documentedMetrics(operations(), METRIC_HEADINGS).map(({ name }) => name));
    expect([...names].filter((name) => !NOT_OURS.test(name) && !documented.has(name))).toEqual([]);
  });

  it('has the alerts that docs/operations.md explains', async () => {
    const rules = find(await render(FULL), 'PrometheusRule').spec?.groups?.flatMap((group) => group.rules) ?? [];
    const explained = [...operations().matchAll(/^\| `(Codex\w+)` \|/gm)].map(([, name]) => name);
    expect([...new Set(rules.map(({ alert }) => alert))].sort()).toEqual(explained.sort());
  });

  it('asks for this installation only', async () => {
    const { alerts, panels } = await expressions();
    for (const expression of alerts) {
      const selected = expression.match(/\{[^}]*\}/g) ?? [];
      expect(selected.filter((labels) => !labels.includes('namespace="gateways"'))).toEqual([]);
      expect(selected).not.toHaveLength(0);
    }
    for (const expression of panels) expect(expression).toContain('namespace=~"$namespace"');
  });

  it('writes expressions that Prometheus understands', async () => {
    const { alerts, panels } = await expressions();
    const isWrong = (expression: string) => {
      let wrong = false;
      parser.parse(expression.replaceAll('$__rate_interval', '5m')).iterate({
        enter: ({ type }) => {
          wrong ||= type.isError;
        },
      });
      return wrong;
    };
    expect([...alerts, ...panels].filter(isWrong)).toEqual([]);
    expect(isWrong('sum by (job (up)')).toBe(true);
  });

  it('scrapes each pod of a service once', async () => {
    const objects = await render(FULL);
    const services = objects.filter(({ kind }) => kind === 'Service');
    for (const app of APPS) {
      const { spec } = find(objects, 'ServiceMonitor', app);
      const scraped = services.filter(({ metadata, spec: service }) => {
        const labels = Object.entries(spec?.selector?.matchLabels ?? {});
        const ports = (service as { ports?: { name: string }[] } | undefined)?.ports ?? [];
        const isSelected = labels.every(([name, value]) => metadata.labels?.[name] === value);
        return isSelected && ports.some(({ name }) => name === spec?.endpoints?.[0]?.port);
      });
      expect(scraped.map(({ metadata }) => metadata.name)).toEqual([`cx-prod-${app}`]);
      expect(spec?.endpoints?.[0]?.path).toBe('/metrics');
    }
  });

  it('does not wait for a codex-auth that an agentserver stands in for', async () => {
    const rules = find(await render(AGENTSERVER), 'PrometheusRule').spec?.groups?.flatMap((group) => group.rules) ?? [];
    const down = rules.filter(({ alert }) => alert === 'CodexGatewaysServiceDown').map(({ expr }) => expr);
    expect(down).toHaveLength(2);
    expect(down.join()).not.toContain('codex-auth');
  });

  it('is left out unless asked for', async () => {
    const objects = await render(MINIMAL);
    expect(objects.filter(({ kind }) => /ServiceMonitor|PrometheusRule|ConfigMap/.test(kind))).toEqual([]);
  });
});
