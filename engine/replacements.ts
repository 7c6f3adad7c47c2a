import { applyReplaceOnChanges, isReplace } from "./diff";
import { dependents } from "./graph";
import { diffResource } from "./managers";
import type { Provider } from "./providers/provider";
import type { Registry } from "./providers/registry";
import type { ResourceState } from "./state";
import { parseReference, type Urn } from "./urn";
import { unknownValue } from "./values";

/** What is known of the stack when a resource is about to be deleted to be replaced. */
export interface ReplacementContext {
    /** Resources of earlier runs, dependencies first. */
    readonly resources: readonly ResourceState[];
    /** URNs that this run has dealt with already: what they needed before no longer counts. */
    readonly registered: ReadonlySet<Urn>;
    readonly registry: Registry;
    /** The provider that a resource was made with; undefined for components and providers. */
    readonly ensureProvider: (state: ResourceState) => Promise<Provider | undefined>;
}

/**
 * Which resources have to go before a resource that is deleted before it is replaced: those whose provider says that they
 * would be replaced if the properties that come from it changed.
 */
export async function dependentReplacements(
    root: ResourceState,
    context: ReplacementContext,
): Promise<ResourceState[]> {
    const affected = new Set<Urn>([root.urn]);
    const found: ResourceState[] = [];
    for (const state of dependents(context.resources, root, context.registered, false)) {
        if (!state.delete && (await wouldBeReplaced(state, affected, context))) {
            affected.add(state.urn);
            found.push(state);
        }
    }
    return found;
}

async function wouldBeReplaced(
    state: ResourceState,
    affected: ReadonlySet<Urn>,
    { registry, ensureProvider }: ReplacementContext,
): Promise<boolean> {
    if (!state.custom || state.external) {
        return false;
    }
    const provider = await ensureProvider(state);
    if (state.provider && affected.has(parseReference(state.provider).urn)) {
        return true;
    }
    if (state.deletedWith && affected.has(state.deletedWith)) {
        return true;
    }
    const changing = Object.keys(state.inputs).filter((key) =>
        (state.propertyDependencies[key] ?? []).some((urn) => affected.has(urn)),
    );
    if (changing.length === 0) {
        return false;
    }
    const unknowns = Object.fromEntries(changing.map((key) => [key, unknownValue]));
    const inputs = { ...state.inputs, ...unknowns };
    const ignored = state.ignoreChanges ?? [];
    const diff =
        provider === undefined
            ? await registry.diff(state, inputs)
            : await diffResource(provider, state, inputs, ignored, true);
    return isReplace(applyReplaceOnChanges(diff, state.replaceOnChanges ?? [], false));
}
