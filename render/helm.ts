/** Values of Helm charts. */

/** Values of a Helm chart. */
export type HelmValues = Readonly<Record<string, unknown>>;

/** Values over others, as Helm lays them: mappings are merged, everything else is replaced. */
export function mergeValues(under: HelmValues, over: HelmValues): HelmValues {
    const merged = Object.entries(over).map(([key, value]): [string, unknown] => {
        const covered = under[key];
        return [key, isMapping(covered) && isMapping(value) ? mergeValues(covered, value) : value];
    });
    return { ...under, ...Object.fromEntries(merged) };
}

function isMapping(value: unknown): value is HelmValues {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
