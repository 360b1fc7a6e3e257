import { parseSync } from '@swc/core';

/**
 * Reads what the rules look at: imports, and uses of the environment.
 * @returns `{ imports: [{ specifier, typeOnly, line }], environmentLines: [line], lines }`
 * @throws an Error with the parser's words when the text is not TypeScript
 */
export function readModule(text) {
  const found = { imports: [], environmentLines: [], lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0) };
  const bytes = Buffer.from(text);
  // swc counts bytes from 1.
  const lineOf = ({ span }) =>
    bytes
      .subarray(0, span.start - 1)
      .toString()
      .split('\n').length;
  visit(parseSync(text, { syntax: 'typescript', target: 'es2023' }), (node) => {
    const imported = importOf(node);
    if (imported) found.imports.push({ ...imported, line: lineOf(node) });
    if (readsEnvironment(node)) found.environmentLines.push(lineOf(node));
  });
  return found;
}

function visit(node, look) {
  if (Array.isArray(node)) {
    for (const each of node) visit(each, look);
  } else if (node && typeof node === 'object') {
    if (typeof node.type === 'string') look(node);
    for (const value of Object.values(node)) if (value && typeof value === 'object') visit(value, look);
  }
}

/** Every way in which a module names another one. */
function importOf(node) {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return node.source && { specifier: node.source.value, typeOnly: isTypeOnly(node) };
    case 'TsImportType':
      return { specifier: node.argument.value, typeOnly: true };
    case 'CallExpression': {
      const isImport = node.callee.type === 'Import' || node.callee.value === 'require';
      const [first] = node.arguments;
      if (!isImport || first?.expression.type !== 'StringLiteral') return undefined;
      return { specifier: first.expression.value, typeOnly: false };
    }
    default:
      return undefined;
  }
}

function isTypeOnly(node) {
  const named = node.specifiers ?? [];
  return Boolean(node.typeOnly) || (named.length > 0 && named.every((each) => each.isTypeOnly));
}

/** `process.env`, `process['env']`, `const { env } = process`, `import { env } from 'node:process'`. */
function readsEnvironment(node) {
  const isProcess = (expression) => expression?.type === 'Identifier' && expression.value === 'process';
  if (node.type === 'MemberExpression' && isProcess(node.object)) {
    const { property } = node;
    return (property.type === 'Computed' ? property.expression.value : property.value) === 'env';
  }
  if (node.type === 'VariableDeclarator' && isProcess(node.init) && node.id.type === 'ObjectPattern') {
    return node.id.properties.some(({ key }) => key?.value === 'env');
  }
  if (node.type !== 'ImportDeclaration' || !/^(node:)?process$/.test(node.source.value)) return false;
  return node.specifiers.some((each) => (each.imported ?? each.local).value === 'env');
}
