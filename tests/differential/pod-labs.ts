/** Random labs with routers in Pods, for the comparison of predictions with real gobgpd and FRR. */

import fc from "fast-check";
import type { Lab } from "../../lab/model";
import { afterEvent, namedPodEvents, parsePodEvent } from "../../lab/pod-events";
import { planPodGateway, schema } from "../../stacks/pod-gateway";
import type { Draft } from "../lab/labs";

/** What differs from the stack as it is shipped. */
export interface PodPlan {
    readonly parameters: object;
    /** BGP identifiers of the Pods in turn; equal paths of two Pods on a node hang on them. */
    readonly routerIds: readonly string[];
    /** Metrics that the Pods in turn tell. */
    readonly metrics: readonly (number | undefined)[];
    /** Metric that the router tells its nodes. */
    readonly routerMetric: number | undefined;
    /** ASes of the forwarding Pods in turn, where they are not all in one. */
    readonly asns: readonly number[];
    /** Which of the events that may happen do, one after the other. */
    readonly events: readonly number[];
}

/** Ranges of the cluster, what covers them, what is inside, other Pods' addresses, and what everybody may announce. */
const announced = [
    "0.0.0.0/0",
    "0.0.0.0/1",
    "10.244.0.0/24",
    "10.244.2.216/32",
    "10.244.1.200/32",
    "10.254.0.77/32",
    "192.168.0.1/32",
    "192.168.0.0/24",
    "192.168.0.0/16",
    "192.168.0.128/25",
    "172.16.0.2/32",
    "::/0",
    "fd00:10:244::/64",
    "fd00:192:168::1/128",
    "fd00:192:168::/64",
];

const virtualAddresses = ["192.168.0.1/32", "fd00:192:168::1/128"];

/** 65000 is the router's AS and 65011 a node's: what went through them is not taken there. */
const somePodAs = fc.constantFrom(65100, 65100, 65200, 65000, 65011);

const alike = [65100, 65100, 65100];

const metric = fc.option(fc.constantFrom(0, 10, 20), { nil: undefined });

const plans: fc.Arbitrary<PodPlan> = fc
    .record({
        peering: fc.constantFrom("node", "node", "node", "router"),
        gateways: fc.array(fc.nat(2), { minLength: 1, maxLength: 3 }),
        hijacks: fc.uniqueArray(fc.constantFrom(...announced), { maxLength: 6 }),
        rogueAsn: fc.constantFrom(65200, 65100, 65000, 65010),
        multipathRelax: fc.boolean(),
        maximumPaths: fc.constantFrom(1, 2, 256),
        exportPodCidr: fc.constantFrom(true, true, false),
        forbidden: fc.constantFrom([], ["192.168.0.128/25"], ["10.244.2.0/24"], ["fd00:192:168::/64"]),
        hidesOwn: fc.boolean(),
        routerIds: fc.shuffledSubarray(["10.255.1.1", "10.255.1.2", "10.255.1.3"], { minLength: 3 }),
        metrics: fc.array(metric, { minLength: 3, maxLength: 3 }),
        routerMetric: metric,
        asns: fc.oneof(fc.constant(alike), fc.array(somePodAs, { minLength: 3, maxLength: 3 })),
        events: fc.array(fc.nat(), { maxLength: 2 }),
    })
    .map(({ routerIds, metrics, routerMetric, asns, events, hidesOwn, peering, ...parameters }) => ({
        parameters: { ...parameters, peering, ...(hidesOwn && peering === "node" ? { ownAddress: false } : {}) },
        routerIds,
        metrics,
        routerMetric,
        asns,
        events,
    }));

/** The plan with a number; the same for ever. */
export function podPlanOf(seed: number): PodPlan {
    return fc.sample(plans, { seed, numRuns: 1 })[0]!;
}

/** The lab of a plan. */
export function podLab({ parameters, routerIds, metrics, routerMetric, asns }: PodPlan): Lab {
    const lab = JSON.parse(JSON.stringify(planPodGateway(schema.parse(parameters)))) as Draft;
    const gateways = Object.values(lab.routers).filter(({ pod }) => pod?.workload === "loadbalancer");
    for (const [index, { bgp }] of gateways.entries()) {
        bgp.routerId = routerIds[index]!;
        bgp.asn = asns[index]!;
        setMetric(bgp, metrics[index]);
    }
    for (const neighbor of Object.values(lab.routers).flatMap(({ bgp }) => bgp.neighbors)) {
        neighbor.remoteAsn = lab.routers[neighbor.pod ?? ""]?.bgp.asn ?? neighbor.remoteAsn;
    }
    setMetric(lab.routers.router0!.bgp, routerMetric);
    return lab as Lab;
}

/**
 * The events of a plan with the lab after each of them. None where Pods of different ASes announce one prefix: when GoBGP's
 * best path changes to one that went through a peer's AS, it tells the peer nothing, not even that the path before is gone.
 */
export function labsAfter(
    { asns, events }: PodPlan,
    original: Lab,
): readonly { readonly event: string; readonly lab: Lab }[] {
    const rogue = original.routers["rogue-0"]?.bgp.families.flatMap(({ networks }) => networks) ?? [];
    if (asns.some((asn) => asn !== alike[0]) || rogue.some((prefix) => virtualAddresses.includes(prefix))) {
        return [];
    }
    const labs: { readonly event: string; readonly lab: Lab }[] = [];
    for (const choice of events) {
        const before = labs.at(-1)?.lab ?? original;
        const names = namedPodEvents(before);
        if (names.length > 0) {
            const event = names[choice % names.length]!;
            labs.push({ event, lab: afterEvent(before, parsePodEvent(before, event), original) });
        }
    }
    return labs;
}

type SpeakerDraft = Draft["routers"][string]["bgp"];

function setMetric({ neighbors }: SpeakerDraft, med: number | undefined): void {
    for (const { session } of neighbors) {
        if (session.kind === "own" && med !== undefined) {
            session.settings.families = session.settings.families.map((family) => ({ ...family, med }));
        }
    }
}
