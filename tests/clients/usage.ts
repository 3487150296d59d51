// What an app does with the generated types: compiled by tsc --strict, never run. A wrong field, a missing variable or a null
// that was not thought of does not compile.

import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { FoodDayChangedDocument, LogFoodDocument, MeasurementsDocument } from './generated.js';

declare function execute<Result, Variables>(document: TypedDocumentNode<Result, Variables>, variables: Variables): Promise<Result>;
declare function follow<Result, Variables>(document: TypedDocumentNode<Result, Variables>, variables: Variables): AsyncIterable<Result>;

export async function weights(): Promise<string[]> {
  const values: string[] = [];
  let after: string | null | undefined;
  do {
    const { viewer } = await execute(MeasurementsDocument, { first: 2, after });
    const page = viewer?.measurements;
    if (!page) return values;
    values.push(...page.nodes.map((measurement) => `${measurement.value} ${measurement.unit}`));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined;
  } while (after);
  return values;
}

export async function log(foodId: string): Promise<string | undefined> {
  const { logFood } = await execute(LogFoodDocument, { input: { foodId, quantity: '2.5', unit: 'oz', mealType: 'breakfast' } });
  return logFood?.day.totals.calories;
}

export async function names(date: string): Promise<string[]> {
  for await (const { foodDayChanged } of follow(FoodDayChangedDocument, { date })) {
    return foodDayChanged.entries.map((entry) => entry.name);
  }
  return [];
}

// @ts-expect-error a variable that must be given
void execute(MeasurementsDocument, {});
// @ts-expect-error a field that was not selected
void execute(LogFoodDocument, { input: { foodId: '', quantity: '1', unit: 'g', mealType: 'snack' } }).then((data) => data.logFood?.entry.brand);
