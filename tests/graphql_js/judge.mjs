// Judges documents as graphql-js does: reads {schemas: {name: SDL}, documents: [{schema, document, variables, operationName}]} from
// standard input, and writes a JSON list of what is wrong with each, null for nothing.
import { readFileSync } from "node:fs";
import { buildSchema, getOperationAST, parse, validate } from "graphql";
import { getVariableValues } from "graphql/execution/values.js";

const { schemas, documents } = JSON.parse(readFileSync(0, "utf8"));
const built = Object.fromEntries(Object.entries(schemas).map(([name, sdl]) => [name, buildSchema(sdl)]));

function wrong({ schema, document, variables, operationName }) {
  let parsed;
  try {
    parsed = parse(document);
  } catch (error) {
    return error.message;
  }
  const errors = validate(built[schema], parsed);
  if (errors.length > 0) return errors[0].message;
  const operation = getOperationAST(parsed, operationName);
  if (!operation) return "no operation of this name";
  if (!built[schema].getRootType(operation.operation)) return `no ${operation.operation} is configured`;
  const { errors: misfits } = getVariableValues(built[schema], operation.variableDefinitions ?? [], variables ?? {});
  return misfits ? misfits[0].message : null;
}

process.stdout.write(JSON.stringify(documents.map(wrong)));
