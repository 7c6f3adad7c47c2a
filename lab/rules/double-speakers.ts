import { programNames } from "../speakers";
import { doubledPeers } from "./doubled-peers";
import { rule } from "./rule";

/**
 * A router has one session per peer address in a VRF, and so one with a node, whatever number of programs speak BGP there:
 * of two connections between one pair of addresses collision detection closes one.
 */
export const nodesSpeakOnce = rule({
    id: "BGP-SES-009",
    severity: "error",
    source: "RFC 4271 §6.8; MetalLB documentation, Calico",
    *check(lab) {
        for (const { router, ends, peer } of doubledPeers(lab)) {
            const programs = ends.map(({ program }) => programNames[program!]).join(" and ");
            const where = router.vrf === undefined ? router.node : `${router.node}'s VRF ${router.vrf}`;
            yield {
                at: ends.at(-1)!.path,
                with: ends.slice(0, -1).map(({ path }) => path),
                says: `${programs} of ${ends[0]!.node} both peer with ${where} from ${peer}, but a router has one session per address and VRF`,
                fix: "give each program a VRF of the router, peer one of them with another router, or let Calico announce the load-balancer addresses (serviceLoadBalancerIPs) beside MetalLB's controller alone",
            };
        }
    },
});
