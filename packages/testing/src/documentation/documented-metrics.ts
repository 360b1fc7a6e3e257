/** A metric by its name, its type and the names of its labels. */
export interface MetricDescription {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

const ROW = /^\| `([a-z][a-z0-9_]*)` \| (counter|gauge|histogram) \|([^|]*)\|/;
/** Of the library that exposes them, on every service that has it. */
const OF_THE_RUNTIME = /^(nodejs|process)_/;

/**
 * In what a service's page of metrics and the tables of a document differ, a line each: names, types, labels. None is how it should be.
 * @param text - in the format of Prometheus
 * @param headings - of level three, of the document's parts that tell of this service
 */
export function differingMetrics(
  text: string,
  { markdown, headings }: { markdown: string; headings: readonly string[] },
): string[] {
  const documented = documentedMetrics(markdown, headings);
  if (documented.length < 10) throw new Error(`only ${documented.length} metrics are documented`);
  const exposed = exposedMetrics(text);
  const lacking = (some: readonly MetricDescription[], others: readonly MetricDescription[]) =>
    some.filter(({ name, type }) => !others.some((other) => other.name === name && other.type === type));
  const unknownLabels = exposed.flatMap(({ name, labels }) => {
    const known = documented.find((other) => other.name === name)?.labels ?? labels;
    return labels.filter((label) => !known.includes(label)).map((label) => `${name}: ${label} is not documented`);
  });
  return [
    ...lacking(exposed, documented).map(({ name, type }) => `${name} ${type} is not documented`),
    ...lacking(documented, exposed).map(({ name, type }) => `${name} ${type} is not exposed`),
    ...unknownLabels,
  ];
}

/**
 * The metrics that a document lists in tables of name, type and labels, below headings of level three.
 * @param headings - of the parts that count, such as a service's name
 */
export function documentedMetrics(markdown: string, headings: readonly string[]): MetricDescription[] {
  const metrics: MetricDescription[] = [];
  let heading = '';
  for (const line of markdown.split('\n')) {
    if (/^#{1,3} /.test(line)) heading = line.replace(/^#+ /, '');
    const [, name, type, labels = ''] = ROW.exec(line) ?? [];
    if (name && type && headings.includes(heading))
      metrics.push({ name, type, labels: labels.match(/[a-z_]+/g) ?? [] });
  }
  return metrics.sort(byName);
}

/** The metrics in a text in the format of Prometheus, without those of the runtime. `labels`: those that its series have now. */
export function exposedMetrics(text: string): MetricDescription[] {
  const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  return types
    .map(([, name = '', type = '']) => ({ name, type, labels: labelsOf(text, name) }))
    .filter(({ name }) => !OF_THE_RUNTIME.test(name))
    .sort(byName);
}

function labelsOf(text: string, name: string): string[] {
  const series = text.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{([^}]*)\\}`, 'gm'));
  const names = [...series].flatMap(([, labels = '']) =>
    [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label),
  );
  return [...new Set(names)].filter((label) => label !== 'service' && label !== 'le');
}

function byName(one: MetricDescription, other: MetricDescription): number {
  return one.name < other.name ? -1 : 1;
}
