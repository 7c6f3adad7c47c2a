import type { ResourceState } from "./state";
import { parseReference, type Urn } from "./urn";

/** URNs that a resource needs: its parent, provider, dependencies, and the resource it is deleted with. */
function dependenciesOf(state: ResourceState): Set<Urn> {
    const urns = new Set<Urn>(state.dependencies);
    for (const list of Object.values(state.propertyDependencies)) {
        for (const urn of list) {
            urns.add(urn);
        }
    }
    for (const urn of [state.parent, state.deletedWith, state.provider && parseReference(state.provider).urn]) {
        if (urn) {
            urns.add(urn);
        }
    }
    urns.delete(state.urn);
    return urns;
}

/** Whether a resource refers to exactly this incarnation of another; after a replacement two have the same URN. */
function refersTo(state: ResourceState, urn: Urn, candidate: ResourceState): boolean {
    if (!state.provider || parseReference(state.provider).urn !== urn) {
        return true;
    }
    return parseReference(state.provider).id === candidate.id;
}

/**
 * All resources that need the given one, directly or not, in the order of the list (dependencies first).
 *
 * @param ignore URNs whose dependency no longer counts, because they were registered anew already
 * @param includeChildren whether being a child counts as needing the parent
 */
export function dependents(
    resources: readonly ResourceState[],
    root: ResourceState,
    ignore: ReadonlySet<Urn>,
    includeChildren: boolean,
): ResourceState[] {
    const reached = new Set<Urn>([root.urn]);
    const found: ResourceState[] = [];
    for (const state of resources.slice(resources.indexOf(root) + 1)) {
        if (ignore.has(state.urn)) {
            continue;
        }
        const needs = dependenciesOf(state);
        if (!includeChildren && state.parent && !state.dependencies.includes(state.parent)) {
            needs.delete(state.parent);
        }
        if ([...needs].some((urn) => reached.has(urn))) {
            found.push(state);
            reached.add(state.urn);
        }
    }
    return found;
}

/**
 * For every resource of a set, the others of it that must be deleted first because they need it.
 *
 * @param resources all resources in checkpoint order. A resource can only need what stands before it: that is how an old
 *     incarnation waiting for deletion, which stands after the new one of the same URN, is told from it.
 */
export function deletionOrder(resources: readonly ResourceState[]): Map<ResourceState, ResourceState[]> {
    const earlier = new Map<Urn, ResourceState[]>();
    const waits = new Map<ResourceState, ResourceState[]>(resources.map((state) => [state, []]));
    for (const state of resources) {
        for (const urn of dependenciesOf(state)) {
            for (const needed of earlier.get(urn) ?? []) {
                if (refersTo(state, urn, needed)) {
                    waits.get(needed)!.push(state);
                }
            }
        }
        earlier.set(state.urn, [...(earlier.get(state.urn) ?? []), state]);
    }
    return waits;
}
