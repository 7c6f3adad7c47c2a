import { type DiffResult, invert, simpleDiff } from "./diff";
import { messageOf, Reported } from "./errors";
import type { Observer, Step } from "./events";
import type { Executor } from "./executor";
import { diffResource, subjectOf } from "./managers";
import type { Provider } from "./providers/provider";
import { findProvider, type Registry } from "./providers/registry";
import type { ResourceState } from "./state";
import { isProviderType, type Urn } from "./urn";
import { equal } from "./values";

/** What a refresh works with. */
export interface RefreshOptions {
    readonly registry: Registry;
    readonly executor: Executor;
    readonly observer: Observer;
    readonly preview: boolean;
}

/**
 * Reads every resource and brings the record in line with reality.
 *
 * @returns the resources as they are; what is gone is left out, as are dependencies on it
 * @throws Reported if a resource could not be read
 */
export async function refreshAll(
    resources: readonly ResourceState[],
    options: RefreshOptions,
): Promise<ResourceState[]> {
    const refreshed = await Promise.allSettled(resources.map((state) => refreshOne(state, resources, options)));
    const failed = refreshed.find((result) => result.status === "rejected");
    if (failed !== undefined) {
        throw failed.reason;
    }
    return withoutDangling(
        refreshed.map((result) => (result as PromiseFulfilledResult<ResourceState | undefined>).value),
    );
}

/** Components, providers and resources between deletion and replacement have nothing to read. */
function isReadable(state: ResourceState): boolean {
    return state.custom && !isProviderType(state.type) && !state.pendingReplacement;
}

async function refreshOne(
    old: ResourceState,
    resources: readonly ResourceState[],
    { registry, executor, observer, preview }: RefreshOptions,
): Promise<ResourceState | undefined> {
    const step = { op: "refresh", urn: old.urn, type: old.type, old } as const;
    if (!isReadable(old)) {
        observer.stepStarted({ ...step, new: old });
        observer.stepEnded({ ...step, new: old, found: "same" }, false);
        return old;
    }
    return executor.run(async () => {
        observer.stepStarted(step);
        try {
            const found = await readOne(old, await providerOf(old, resources, registry), observer, preview);
            observer.stepEnded({ ...step, ...found }, false);
            return found.new;
        } catch (error) {
            observer.diagnostic({ severity: "error", urn: old.urn, message: messageOf(error) });
            observer.stepEnded(step, true);
            executor.stop();
            throw new Reported();
        }
    });
}

async function providerOf(
    state: ResourceState,
    resources: readonly ResourceState[],
    registry: Registry,
): Promise<Provider> {
    const reference = state.provider ?? "";
    const resource = findProvider(resources, reference);
    if (resource === undefined) {
        throw new Error(`unknown provider '${reference}' for resource '${state.urn}'`);
    }
    await registry.same(resource);
    return registry.get(reference)!;
}

async function readOne(
    old: ResourceState,
    provider: Provider,
    observer: Observer,
    preview: boolean,
): Promise<Pick<Step, "new" | "diff" | "found">> {
    const live = await provider.read(subjectOf(old), old.customTimeouts?.read ?? 0);
    if (live.id === "") {
        return { found: "delete" };
    }
    if (live.failure !== undefined) {
        const message = `Refreshed resource is in an unhealthy state:\n* ${live.failure.reasons.join("\n* ")}`;
        observer.diagnostic({ severity: "warning", urn: old.urn, message });
    }
    const next: ResourceState = {
        ...old,
        id: live.id,
        inputs: live.inputs ?? old.inputs,
        outputs: live.outputs,
        initErrors: [...(live.failure?.reasons ?? [])],
    };
    if (!equal(next.inputs, old.inputs) || !equal(next.outputs, old.outputs)) {
        next.modified = new Date().toISOString();
    }
    const diff = await drift(old, next, provider, preview);
    return { new: next, diff, found: diff.changes === "none" ? "same" : "update" };
}

/**
 * What an unchanged program would change back, turned around: this is what the world changed. It is asked of the provider,
 * so that outputs which change without anyone's doing (times, counters) are no drift.
 */
async function drift(
    old: ResourceState,
    next: ResourceState,
    provider: Provider,
    preview: boolean,
): Promise<DiffResult> {
    if (old.external) {
        return simpleDiff(equal(old.outputs, next.outputs) ? "none" : "some");
    }
    return invert(await diffResource(provider, next, old.inputs, old.ignoreChanges ?? [], preview));
}

/** Removes references to resources that are gone; a list position is what tells two resources of one URN apart. */
function withoutDangling(states: readonly (ResourceState | undefined)[]): ResourceState[] {
    const present = new Set<Urn>();
    const kept: ResourceState[] = [];
    for (const state of states) {
        if (state !== undefined) {
            kept.push(repaired(state, present));
            present.add(state.urn);
        }
    }
    return kept;
}

/** Like the CLI, this also drops the empty lists of properties that depend on nothing. */
function repaired(state: ResourceState, present: ReadonlySet<Urn>): ResourceState {
    const has = (urn: Urn) => present.has(urn);
    const deletedWithGone = state.deletedWith !== undefined && state.deletedWith !== "" && !has(state.deletedWith);
    const properties = Object.entries(state.propertyDependencies)
        .map(([key, list]) => [key, list.filter(has)] as const)
        .filter(([, list]) => list.length > 0);
    return {
        ...state,
        dependencies: state.dependencies.filter(has),
        propertyDependencies: Object.fromEntries(properties),
        ...(deletedWithGone ? { deletedWith: undefined } : {}),
    };
}
