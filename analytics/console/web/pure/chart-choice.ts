import type { CustomerSheet, QuotaTerms, SheetFeature, SheetMeter } from '../api/customers.js';

/** What a customer's chart can show: each quota of a metered feature, or its usage alone where it has none. */
export interface ChartChoice {
  readonly feature: SheetFeature;
  readonly meter: SheetMeter;
  /** Undefined for a feature without a quota. */
  readonly quota: QuotaTerms | undefined;
}

/** In the catalog's order; the features that the customer has come first. */
export function chartChoices(sheet: CustomerSheet): ChartChoice[] {
  const choices = sheet.features.flatMap((feature): ChartChoice[] => {
    const { meter } = feature;
    if (meter === undefined) return [];
    const quotas = feature.limits.flatMap((limit) => (limit.kind === 'quota' ? [limit] : []));
    if (quotas.length === 0) return [{ feature, meter, quota: undefined }];
    return quotas.map((quota) => ({ feature, meter, quota }));
  });
  return choices.sort((left, right) => Number(right.feature.entitled) - Number(left.feature.entitled));
}

/** The choice that an address asks for; the first of the feature, or of all, where there is no such limit. */
export function chosen(
  choices: readonly ChartChoice[],
  feature: string | undefined,
  limit: string | undefined,
): ChartChoice | undefined {
  const ofFeature = choices.filter((choice) => choice.feature.id === feature);
  return ofFeature.find((choice) => choice.quota?.id === limit) ?? ofFeature[0] ?? choices[0];
}

export const choiceKey = ({ feature, quota }: ChartChoice): string => JSON.stringify([feature.id, quota?.id]);

/** Other features that the same meter counts: its usage is theirs too. */
export function sharers(sheet: CustomerSheet, { feature, meter }: ChartChoice): readonly SheetFeature[] {
  return sheet.features.filter((other) => other.entitled && other.id !== feature.id && other.meter?.id === meter.id);
}
