import { compare, type DiffResult, simpleDiff, topLevel } from "./diff";
import { parsePath, resetPath } from "./propertyPath";
import type { CheckResult, Live, Provider } from "./providers/provider";
import type { Registry } from "./providers/registry";
import type { ResourceState } from "./state";
import { copy, equal, type PropertyMap, withoutSecrets } from "./values";

/** What manages a resource: a plugin, the registry of providers (for providers themselves), or nothing (components). */
export interface Manager {
    check(state: ResourceState, olds: PropertyMap, news: PropertyMap): Promise<CheckResult>;
    diff(old: ResourceState, news: PropertyMap, ignoreChanges: readonly string[]): Promise<DiffResult>;
    create(next: ResourceState): Promise<Result>;
    update(old: ResourceState, next: ResourceState): Promise<Result>;
    remove(old: ResourceState): Promise<void>;
}

/** What a create or update gave; components have neither id nor outputs yet. */
export type Result = Pick<Live, "failure"> & { readonly id: string; readonly outputs?: PropertyMap };

/** Components exist only in the state. */
export const componentManager: Manager = {
    check: async (_state, _olds, news) => ({ inputs: news, failures: [] }),
    diff: async (old, news) => simpleDiff(equal(old.inputs, news) ? "none" : "some"),
    create: async () => ({ id: "" }),
    update: async () => ({ id: "" }),
    remove: async () => undefined,
};

/** Providers are managed by the registry. */
export function providerManager(registry: Registry, preview: boolean): Manager {
    return {
        check: (state, olds, news) => registry.check(state.urn, olds, news),
        diff: (old, news) => registry.diff(old, news),
        create: (next) => registry.create(next.urn, next.inputs, preview),
        update: (old, next) => registry.update({ ...old, urn: next.urn }, next.inputs),
        remove: async (old) => registry.remove(old),
    };
}

/** All other resources are managed by their provider. */
export function pluginManager(provider: Provider, preview: boolean, randomSeed: () => Uint8Array): Manager {
    return {
        check: (state, olds, news) =>
            provider.check(state.urn, olds, news, { allowUnknowns: preview, randomSeed: randomSeed() }),
        diff: (old, news, ignoreChanges) => diffResource(provider, old, news, ignoreChanges, preview),
        create: (next) => provider.create(next.urn, next.inputs, next.customTimeouts?.create ?? 0, preview),
        update: (old, next) =>
            provider.update({ ...subjectOf(old), urn: next.urn }, next.inputs, {
                timeout: next.customTimeouts?.update ?? 0,
                preview,
                ignoreChanges: next.ignoreChanges ?? [],
            }),
        remove: (old) => provider.remove(subjectOf(old), old.customTimeouts?.delete ?? 0),
    };
}

/** A resource as calls to its provider describe it. */
export function subjectOf({ urn, id, inputs, outputs }: ResourceState) {
    return { urn, id: id ?? "", inputs, outputs: outputs ?? {} };
}

/** Asks the provider what differs; if it leaves that to the engine, compares inputs. */
export async function diffResource(
    provider: Provider,
    old: ResourceState,
    news: PropertyMap,
    ignoreChanges: readonly string[],
    allowUnknowns: boolean,
): Promise<DiffResult> {
    const diff = await provider.diff(subjectOf(old), news, { allowUnknowns, ignoreChanges });
    if (diff.changes !== "unknown") {
        return diff;
    }
    const { inputs } = ignoreChangesIn(news, old.inputs, ignoreChanges);
    const detailedDiff = compare(withoutSecrets(old.inputs), withoutSecrets(inputs), true);
    if (detailedDiff.size === 0) {
        return { ...diff, changes: "none" };
    }
    return {
        ...diff,
        changes: "some",
        changedKeys: [...new Set([...detailedDiff.keys()].map(topLevel))],
        detailedDiff,
    };
}

/** Inputs with the old values at the paths of ignoreChanges, and the paths where that was impossible. */
export function ignoreChangesIn(
    inputs: PropertyMap,
    olds: PropertyMap,
    paths: readonly string[],
): { inputs: PropertyMap; impossible: string[] } {
    if (paths.length === 0) {
        return { inputs, impossible: [] };
    }
    const result = copy(inputs);
    const impossible = paths.filter((path) => !resetPath(parsePath(path), copy(olds), result));
    return { inputs: result, impossible };
}
