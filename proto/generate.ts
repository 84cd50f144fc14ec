// SPDX-License-Identifier: Apache-2.0
// Generates proto/gen from the .proto files: one descriptor for run-time reflection and, per package, TypeScript
// interfaces with bigint for 64-bit integers. Run: npm run gen
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, 'gen');

function protoFiles(dir: string): string[] {
  const entries = readdirSync(dir, { withFileTypes: true });
  const files = entries.flatMap((e) => {
    const path = join(dir, e.name);
    if (e.isDirectory()) return e.name === 'gen' ? [] : protoFiles(path);
    return e.name.endsWith('.proto') ? [path] : [];
  });
  return files.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function load(): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => {
    if (isAbsolute(target)) return target;
    const own = join(here, target);
    return existsSync(own) ? own : join(here, '../node_modules/protobufjs', target);
  };
  // The bundled copies of the well-known types spell their fields in snake case.
  for (const name of ['any', 'timestamp', 'duration']) Reflect.deleteProperty(protobuf.common, `google/protobuf/${name}.proto`);
  root.loadSync(protoFiles(here), { keepCase: false });
  root.resolveAll();
  return root;
}

const SCALARS: Readonly<Record<string, string>> = {
  bool: 'boolean',
  string: 'string',
  bytes: 'Uint8Array',
  int32: 'number',
  uint32: 'number',
  sint32: 'number',
  fixed32: 'number',
  sfixed32: 'number',
  int64: 'bigint',
  uint64: 'bigint',
  sint64: 'bigint',
  fixed64: 'bigint',
  sfixed64: 'bigint',
  float: 'number',
  double: 'number',
};

function packageOf(type: protobuf.ReflectionObject): protobuf.Namespace {
  let at: protobuf.ReflectionObject | null = type.parent;
  while (at instanceof protobuf.Type) at = at.parent;
  return at as protobuf.Namespace;
}

function localName(type: protobuf.ReflectionObject): string {
  return type.parent instanceof protobuf.Type ? `${localName(type.parent)}_${type.name}` : type.name;
}

function qualified(type: protobuf.ReflectionObject): string {
  return type.fullName.replace(/^\./, '');
}

const moduleName = (ns: protobuf.Namespace): string => qualified(ns);
const alias = (ns: protobuf.Namespace): string => moduleName(ns).replaceAll('.', '_');

function typeOf(field: protobuf.Field, from: protobuf.Namespace, imports: Map<string, protobuf.Namespace>): string {
  const target = field.resolvedType;
  if (target === null) return SCALARS[field.type] ?? 'never';
  if (target instanceof protobuf.Enum) return 'number';
  const ns = packageOf(target);
  if (ns === from) return localName(target);
  imports.set(moduleName(ns), ns);
  return `${alias(ns)}.${localName(target)}`;
}

function fieldLine(field: protobuf.Field, from: protobuf.Namespace, imports: Map<string, protobuf.Namespace>): string {
  const base = typeOf(field, from, imports);
  if (field.map) return `  readonly ${field.name}: Readonly<Record<string, ${base}>>;`;
  if (field.repeated) return `  readonly ${field.name}: readonly ${base}[];`;
  const message = field.resolvedType instanceof protobuf.Type;
  const optional = message || field.partOf !== null;
  return `  readonly ${field.name}${optional ? '?' : ''}: ${base}${optional ? ' | undefined' : ''};`;
}

function emitType(type: protobuf.Type, from: protobuf.Namespace, imports: Map<string, protobuf.Namespace>): string[] {
  const name = localName(type);
  const fields = type.fieldsArray.toSorted((a, b) => a.id - b.id).map((f) => fieldLine(f, from, imports));
  const lines = [
    fields.length === 0 ? `export type ${name} = Record<never, never>;` : `export interface ${name} {\n${fields.join('\n')}\n}`,
    `export const ${name}: MessageType<${name}> = { typeName: '${qualified(type)}' };`,
  ];
  return [...lines, ...nested(type, from, imports)];
}

function emitEnum(type: protobuf.Enum): string[] {
  const name = localName(type);
  const values = Object.entries(type.values).map(([key, value]) => `  ${key}: ${value},`);
  return [`export const ${name} = {\n${values.join('\n')}\n} as const;`, `export type ${name} = (typeof ${name})[keyof typeof ${name}];`];
}

function nested(ns: protobuf.NamespaceBase, from: protobuf.Namespace, imports: Map<string, protobuf.Namespace>): string[] {
  return ns.nestedArray.flatMap((n) => {
    if (qualified(from) === 'google.protobuf' && !WELL_KNOWN.has(n.name)) return [];
    if (n instanceof protobuf.Type) return emitType(n, from, imports);
    if (n instanceof protobuf.Enum) return emitEnum(n);
    return [];
  });
}

/** Packages that only annotate .proto files, and the parts of google.protobuf that messages use. */
const ANNOTATIONS = new Set(['google.api', 'cosmos_proto', 'gogoproto', 'amino']);
const WELL_KNOWN = new Set(['Any', 'Timestamp', 'Duration']);

function emitPackage(ns: protobuf.Namespace): void {
  if (ANNOTATIONS.has(moduleName(ns))) return;
  const imports = new Map<string, protobuf.Namespace>();
  const body = nested(ns, ns, imports);
  if (body.length === 0) return;
  const names = [...imports.keys()].sort((a, b) => (a < b ? -1 : 1));
  const head = [
    '// SPDX-License-Identifier: Apache-2.0',
    '// Generated by proto/generate.ts; do not edit.',
    ...names.map((n) => `import type * as ${alias(imports.get(n) as protobuf.Namespace)} from './${n}.ts';`),
    "import type { MessageType } from '../message.ts';",
    '',
  ];
  writeFileSync(join(out, `${moduleName(ns)}.ts`), `${[...head, ...body].join('\n')}\n`);
}

function walk(ns: protobuf.NamespaceBase): void {
  if (ns instanceof protobuf.Namespace && !(ns instanceof protobuf.Root)) emitPackage(ns);
  for (const n of ns.nestedArray) if (n instanceof protobuf.Namespace && !(n instanceof protobuf.Type) && !(n instanceof protobuf.Service)) walk(n);
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const root = load();
walk(root);
writeFileSync(join(out, 'descriptor.json'), `${JSON.stringify(root.toJSON({ keepComments: false }))}\n`);
process.stdout.write(`proto: ${readdirSync(out).length} files in ${relative(process.cwd(), out)}\n`);
