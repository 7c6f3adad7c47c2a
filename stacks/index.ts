/** The topologies that stacks can choose. */

import { calicoMetalLbVrf } from "./calico-metallb-vrf";
import { ibgpFrr } from "./ibgp-frr";
import { leafSpine } from "./leaf-spine";
import { podGateway } from "./pod-gateway";
import { singleFrr } from "./single-frr";
import type { Topology } from "./topology";

/** Calls `use` with a topology, whatever its parameters are. */
type WithTopology = <Result>(use: <Parameters>(topology: Topology<Parameters>) => Result) => Result;

/** A topology with its parameters kept inside, so that topologies of different parameters fit in one list. */
function entry<Parameters>(topology: Topology<Parameters>): WithTopology {
    return (use) => use(topology);
}

const registry: readonly WithTopology[] = [
    entry(singleFrr),
    entry(leafSpine),
    entry(calicoMetalLbVrf),
    entry(ibgpFrr),
    entry(podGateway),
];

/** What `use` makes of every topology, in the order of the list. */
export function withTopologies<Result>(use: <Parameters>(topology: Topology<Parameters>) => Result): readonly Result[] {
    return registry.map((withTopology) => withTopology(use));
}

/** Names of the topologies. */
export const topologyNames: readonly string[] = withTopologies(({ name }) => name);

/** The topology of a name, to be used with `topology((chosen) => …)`; nothing when there is none. */
export function findTopology(wanted: string): WithTopology | undefined {
    return registry.find((withTopology) => withTopology(({ name }) => name === wanted));
}
