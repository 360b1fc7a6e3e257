import { differingMetrics, documentedMetrics, exposedMetrics } from './documented-metrics.ts';

describe('metrics in a document and on a page', () => {
  const names = Array.from({ length: 10 }, (_, index) => `m${index}`);
  const markdown = `### one\n${names.map((name) => `| \`${name}\` | gauge | \`a\` | x |`).join('\n')}\n`;
  const page = (metrics: readonly string[], label = 'a') =>
    metrics.map((name) => `# TYPE ${name} gauge\n${name}{service="x",${label}="1"} 1\n`).join('');
  const differences = (text: string) => differingMetrics(text, { markdown, headings: ['one'] });

  it('are the same or named, one by one', () => {
    expect(differences(page(names))).toEqual([]);
    expect(differences(page(names.slice(1)))).toEqual(['m0 gauge is not exposed']);
    expect(differences(page([...names, 'more']))).toEqual(['more gauge is not documented']);
    expect(differences(page(names).replace('m0 gauge', 'm0 counter'))).toEqual([
      'm0 counter is not documented',
      'm0 gauge is not exposed',
    ]);
    expect(differences(page(names, 'b'))).toContain('m0: b is not documented');
    expect(() => differingMetrics('', { markdown, headings: ['two'] })).toThrow('only 0 metrics');
  });
  it('are read from the tables below the headings that are asked for', () => {
    const markdown = '### one\n| `a_total` | counter | `route`, `status` | x |\n### two\n| `b` | gauge | | y |\n';
    expect(documentedMetrics(markdown, ['one'])).toEqual([
      { name: 'a_total', type: 'counter', labels: ['route', 'status'] },
    ]);
    expect(documentedMetrics(markdown, ['one', 'two'])).toHaveLength(2);
  });
  it('are read from the text of Prometheus, without those of the runtime', () => {
    const text = `# HELP s_seconds x
# TYPE s_seconds histogram
s_seconds_bucket{le="1",service="x",route="/a"} 1
# TYPE process_cpu_seconds_total counter
# TYPE b gauge
b{service="x"} 1
`;
    expect(exposedMetrics(text)).toEqual([
      { name: 'b', type: 'gauge', labels: [] },
      { name: 's_seconds', type: 'histogram', labels: ['route'] },
    ]);
  });
});
