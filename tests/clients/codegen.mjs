// Generates TypeScript for operations.graphql from the schema that a running server tells, as an app's build does.
// Usage: node codegen.mjs URL FOLDER

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codegen } from '@graphql-codegen/core';
import * as typedDocumentNode from '@graphql-codegen/typed-document-node';
import * as typescriptOperations from '@graphql-codegen/typescript-operations';
import { buildClientSchema, getIntrospectionQuery, parse, printSchema, validateSchema } from 'graphql';

const [url, folder] = process.argv.slice(2);
const query = getIntrospectionQuery({ inputValueDeprecation: true, oneOf: true, specifiedByUrl: true });
const response = await fetch(url, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query }),
});
const { data, errors } = await response.json();
if (errors) throw new Error(JSON.stringify(errors));
const schema = buildClientSchema(data);
const invalid = validateSchema(schema);
if (invalid.length > 0) throw new Error(invalid.join('\n'));

const scalars = { Date: 'string', DateTime: 'string', Decimal: 'string', JSON: 'unknown', Text: 'string', TimeZone: 'string', UUID: 'string' };
// RxDB's headers are scalars with names of its own making.
for (const name of Object.keys(schema.getTypeMap()).filter((name) => name.endsWith('InputHeaders'))) {
  scalars[name] = 'Record<string, string>';
}
const text = await codegen({
  filename: join(folder, 'generated.ts'),
  schema: parse(printSchema(schema)),
  schemaAst: schema,
  documents: [{ location: 'operations.graphql', document: parse(readFileSync('operations.graphql', 'utf8')) }],
  config: { scalars, strictScalars: true, useTypeImports: true },
  plugins: [{ operations: {} }, { documents: {} }],
  pluginMap: { operations: typescriptOperations, documents: typedDocumentNode },
});
writeFileSync(join(folder, 'generated.ts'), text);
