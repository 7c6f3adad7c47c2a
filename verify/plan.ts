import { addressOf, familyOf } from "../lab/address";
import { findDevice } from "../lab/devices";
import { type RoutingInstance, routingInstances } from "../lab/instances";
import type { Address, Family, Lab, PassageCheck, Prefix } from "../lab/model";
import { sessionEnds } from "../lab/sessions";
import {
    findSessionSettings,
    type NodeSpeaker,
    nodeInstances,
    nodeSpeaker,
    nodeSpeakers,
    type SpeakerProgram,
} from "../lab/speakers";
import {
    type BgpRoute,
    type FibRoute,
    offered,
    type PredictedDevice,
    type PredictedSession,
    type Prediction,
    type Tables,
} from "../routing/prediction";
import { trace } from "../routing/trace";
import type {
    Check,
    DownSessionCheck,
    ForwardingCheck,
    NeighborsCheck,
    OfferCheck,
    RefusalCheck,
    RouteCheck,
    SessionCheck,
    SpeakerTableCheck,
    TableCheck,
} from "./check";

const families: readonly Family[] = ["ipv4", "ipv6"];

/** Name of a routing instance in a check. */
function named(
    device: string,
    { vrf }: Pick<RoutingInstance, "vrf">,
): { readonly device: string; readonly vrf?: string } {
    return { device, ...(vrf === undefined ? {} : { vrf }) };
}

/** Every routing instance of every router, as `of` has it. */
function perInstance<T>({ routers }: Lab, of: (device: string, instance: RoutingInstance) => readonly T[]): T[] {
    return Object.entries(routers).flatMap(([device, router]) =>
        routingInstances(router).flatMap((instance) => of(device, instance)),
    );
}

/** Tables of a routing instance. */
function tablesOf(prediction: Prediction, device: string, { vrf }: RoutingInstance): Tables {
    const predicted = prediction.devices[device] as PredictedDevice;
    return vrf === undefined ? predicted : (predicted.vrfs?.[vrf] as Tables);
}

function endKey(device: string, instance: string | undefined, neighbor: Address): string {
    return `${device} ${instance ?? ""} ${neighbor}`;
}

/** Predicted sessions by the ends that are configured with them. */
function byEnd({ sessions }: Prediction): ReadonlyMap<string, PredictedSession> {
    return new Map(
        sessions.flatMap((session) => {
            const { local, localInstance, localAddress, remote, remoteInstance, remoteAddress } = session;
            const far: readonly (readonly [string, PredictedSession])[] =
                remote === undefined || localAddress === undefined
                    ? []
                    : [[endKey(remote, remoteInstance, localAddress), session]];
            return [[endKey(local, localInstance, remoteAddress), session] as const, ...far];
        }),
    );
}

/** Sessions that the prediction brings up, as their routers see them: those between routers from both ends. */
function sessionChecks(lab: Lab, prediction: Prediction): SessionCheck[] {
    const sessions = byEnd(prediction);
    return perInstance(lab, (device, instance) =>
        instance.bgp.neighbors.flatMap(({ address, remoteAsn }): SessionCheck[] => {
            const session = sessions.get(endKey(device, instance.vrf, address));
            return session?.state.up
                ? [
                      {
                          kind: "session",
                          ...named(device, instance),
                          neighbor: address,
                          remoteAsn,
                          families: session.families,
                      },
                  ]
                : [];
        }),
    );
}

/** Sessions that the prediction leaves down, as the routers see them that are configured with them. */
function downSessionChecks(lab: Lab, prediction: Prediction): DownSessionCheck[] {
    const sessions = byEnd(prediction);
    return perInstance(lab, (device, instance) =>
        instance.bgp.neighbors.flatMap(({ address }): DownSessionCheck[] => {
            const session = sessions.get(endKey(device, instance.vrf, address));
            if (session === undefined || session.state.up) {
                return [];
            }
            const isLocal = session.local === device && session.remoteAddress === address;
            const closed = session.closedBy === (isLocal ? "local" : "remote");
            return [{ kind: "down-session", ...named(device, instance), neighbor: address, closed }];
        }),
    );
}

/** Next hops in use, in ascending order; nothing for a route that the router itself originates. */
function learnedNextHops({ paths }: BgpRoute): readonly Address[] | undefined {
    const used = paths.filter(({ multipath, from }) => multipath && from !== "local");
    return used.length === 0 ? undefined : used.map(({ nextHop }) => nextHop).sort();
}

/** The networks of every router's BGP tables, so that one that nobody predicted is noticed. */
function tableChecks(lab: Lab, prediction: Prediction): TableCheck[] {
    return perInstance(lab, (device, instance) =>
        families.map((family): TableCheck => {
            const { rib, fib } = tablesOf(prediction, device, instance);
            const prefixes = Object.keys(rib[family]).sort();
            const learned = prefixes.filter((prefix) => fib[family][prefix]?.protocol === "bgp");
            return { kind: "table", ...named(device, instance), family, prefixes, learned };
        }),
    );
}

/** Every route that a router is predicted to learn. */
function routeChecks(lab: Lab, prediction: Prediction): RouteCheck[] {
    return perInstance(lab, (device, instance) => {
        const { rib, fib } = tablesOf(prediction, device, instance);
        return families.flatMap((family) =>
            Object.entries(rib[family]).flatMap(([prefix, route]): RouteCheck[] => {
                const nextHops = learnedNextHops(route);
                if (nextHops === undefined) {
                    return [];
                }
                const gateways = gatewaysOf(fib[family][prefix]);
                const isSame = gateways.join() === [...new Set(nextHops)].join();
                return [
                    {
                        kind: "route",
                        ...named(device, instance),
                        prefix,
                        nextHops,
                        ...(isSame ? {} : { gateways }),
                    },
                ];
            }),
        );
    });
}

/** Where the kernel sends packets by a BGP route, in ascending order; nothing when another route is better. */
function gatewaysOf(route: FibRoute | undefined): readonly string[] {
    return route?.protocol === "bgp" ? route.nextHops.map(({ via, dev }) => via ?? dev).sort() : [];
}

/** Networks that a router's outgoing filter lets through; nothing when the session has no filter. */
function permitted(lab: Lab, check: SessionCheck, family: Family): readonly Prefix[] | undefined {
    const router = lab.routers[check.device];
    const bgp = router && routingInstances(router).find(({ vrf }) => vrf === check.vrf)?.bgp;
    const entry = bgp?.neighbors.find(({ address }) => address === check.neighbor);
    const settings = bgp && entry ? findSessionSettings(bgp, entry) : undefined;
    const name = settings?.families.find((candidate) => candidate.family === family)?.prefixListOut;
    return router?.prefixLists
        .find((list) => list.name === name && list.family === family)
        ?.entries.filter(({ action }) => action === "permit")
        .map(({ prefix }) => prefix);
}

/** What a router offers to each neighbor, exactly. */
function offerChecks(lab: Lab, prediction: Prediction, sessions: readonly SessionCheck[]): OfferCheck[] {
    return sessions.flatMap((session) => {
        const { device, vrf, neighbor, families: exchanged } = session;
        return exchanged.map((family): OfferCheck => {
            const within = permitted(lab, session, family);
            const returned = sentBy(prediction, session, family);
            return {
                kind: "offer",
                ...named(device, { vrf }),
                neighbor,
                family,
                prefixes: offered(prediction, device, neighbor, family, vrf),
                ...(within ? { within } : {}),
                ...(returned.length > 0 ? { returned } : {}),
            };
        });
    });
}

/** Networks whose best path a router has from a neighbor. */
function sentBy({ devices }: Prediction, { device, vrf, neighbor }: SessionCheck, family: Family): readonly Prefix[] {
    const tables = vrf === undefined ? devices[device] : devices[device]?.vrfs?.[vrf];
    return Object.entries(tables?.rib[family] ?? {})
        .filter(([, { paths }]) => paths.some(({ best, from }) => best && from === neighbor))
        .map(([prefix]) => prefix);
}

/** Addresses of a device or pod. */
function addressesOf(lab: Lab, name: string): readonly Address[] {
    const pod = lab.cluster.workloads.flatMap(({ pods }) => pods).find((each) => each.name === name);
    const interfaces = findDevice(lab, name)?.interfaces ?? [];
    return pod?.addresses ?? interfaces.flatMap(({ addresses }) => addresses.map(addressOf));
}

/** Traffic checks of the model, with what the runtime-independent prober needs to know. */
function trafficChecks(lab: Lab, prediction: Prediction): Check[] {
    return lab.checks.flatMap((check): readonly Check[] => {
        if (check.kind === "silence") {
            return [check];
        }
        const family = familyOf(check.address);
        const clientAddresses = addressesOf(lab, check.from).filter((own) => familyOf(own) === family);
        if (check.kind !== "passage") {
            return [{ ...check, clientAddresses }];
        }
        const through = passedPods(lab, prediction, check);
        return through.length === 0 ? [] : [{ ...check, through, clientAddresses }];
    });
}

/** Of the Pods that take connections, those to which the client's packets are predicted to come: a router may use one path of several. */
function passedPods(lab: Lab, prediction: Prediction, { from, address, through }: PassageCheck): readonly string[] {
    const ends = trace(lab, prediction, from, address).ways.filter(({ disposition }) => disposition === "delivered");
    return through.filter((name) => ends.some(({ detail }) => detail === name));
}

/**
 * Sessions that the prediction brings up, as the agents of the cluster's nodes see them. Only a real cluster has agents
 * that can be asked; the embedded runtime's speakers are asked through the routers.
 */
export function planAgentSessions(lab: Lab, prediction: Prediction): readonly SessionCheck[] {
    const asns = new Map(sessionEnds(lab).map((end) => [`${end.node} ${end.peerAddress}`, end.remoteAsn]));
    return prediction.sessions.flatMap(({ local, localAddress, remote, remoteAddress, families: exchanged, state }) => {
        const ends = [
            { device: local, neighbor: remoteAddress },
            { device: remote, neighbor: localAddress },
        ];
        return ends.flatMap(({ device, neighbor }): SessionCheck[] => {
            const remoteAsn = asns.get(`${device} ${neighbor}`);
            const isAgent = device !== undefined && lab.cluster.nodes[device] !== undefined;
            return isAgent && neighbor !== undefined && remoteAsn !== undefined && state.up
                ? [{ kind: "session", device, neighbor, remoteAsn, families: exchanged }]
                : [];
        });
    });
}

/**
 * Everything the running lab must show: predicted sessions, routes and offers, then the model's traffic checks.
 *
 * @param lab the model
 * @param prediction its prediction
 */
export function planChecks(lab: Lab, prediction: Prediction): readonly Check[] {
    const sessions = sessionChecks(lab, prediction);
    return [
        ...sessions,
        ...downSessionChecks(lab, prediction),
        ...tableChecks(lab, prediction),
        ...routeChecks(lab, prediction),
        ...offerChecks(lab, prediction, sessions),
        ...routerNeighborChecks(lab, prediction),
        ...routerRefusalChecks(lab, prediction),
        ...trafficChecks(lab, prediction),
    ];
}

/** A neighbor of a speaker whose routes are filtered, and from whom what is refused can be told. */
interface Filtered {
    readonly device: string;
    /** Program of a node; absent for a router. */
    readonly program?: SpeakerProgram;
    readonly neighbor: Address;
    readonly families: readonly Family[];
}

/** What speakers are predicted to get of their neighbors and refuse by their policies. */
function refusalChecks(prediction: Prediction, filtered: readonly Filtered[]): RefusalCheck[] {
    const sessions = byEnd(prediction);
    return filtered.flatMap(({ device, program, neighbor, families: exchanged }) => {
        const session = sessions.get(endKey(device, program, neighbor));
        if (session?.state.up !== true) {
            return [];
        }
        const isLocal = session.local === device && session.remoteAddress === neighbor;
        const refused = isLocal ? session.refused?.byLocal : session.refused?.byRemote;
        return exchanged.map(
            (family): RefusalCheck => ({
                kind: "refusal",
                device,
                neighbor,
                family,
                prefixes: refused?.[family] ?? [],
            }),
        );
    });
}

/** What routers refuse of neighbors whose routes they keep as they came. */
function routerRefusalChecks({ routers }: Lab, prediction: Prediction): RefusalCheck[] {
    const filtered = Object.entries(routers).flatMap(([device, { bgp }]) =>
        bgp.neighbors.map((neighbor): Filtered => {
            const settings = findSessionSettings(bgp, neighbor);
            const kept = (settings?.families ?? []).filter(({ keepRefused }) => keepRefused === true);
            return { device, neighbor: neighbor.address, families: kept.map(({ family }) => family) };
        }),
    );
    return refusalChecks(prediction, filtered);
}

/** Names of the speakers of Cilium that take routes, with the nodes they are on. */
function transitSpeakers(lab: Lab): readonly (readonly [node: string, speaker: NodeSpeaker])[] {
    return Object.keys(lab.cluster.nodes).flatMap((node) => {
        const speaker = nodeSpeaker(lab, node, "cilium");
        return speaker?.imports === true ? [[node, speaker] as const] : [];
    });
}

/** What the speakers of nodes refuse of Pods. */
function nodeRefusalChecks(lab: Lab, prediction: Prediction): RefusalCheck[] {
    const filtered = transitSpeakers(lab).flatMap(([device, { program, neighbors }]) =>
        neighbors.flatMap(({ pod, address, families: exchanged }): Filtered[] =>
            pod === undefined ? [] : [{ device, program, neighbor: address, families: exchanged }],
        ),
    );
    return refusalChecks(prediction, filtered);
}

/**
 * The neighbors of routers that take some by label. Those that are predicted to be down are left out: a Pod that does not
 * call is none of its neighbors.
 */
function routerNeighborChecks({ routers }: Lab, prediction: Prediction): NeighborsCheck[] {
    const sessions = byEnd(prediction);
    return Object.entries(routers)
        .filter(([, { bgp }]) => (bgp.podNeighbors ?? []).length > 0)
        .map(([device, { bgp }]) => {
            const there = bgp.neighbors.filter(
                ({ address, pod }) =>
                    pod === undefined || sessions.get(endKey(device, undefined, address))?.state.up === true,
            );
            return { kind: "neighbors", device, neighbors: there.map(({ address }) => address) };
        });
}

/** The neighbors of the speakers of nodes that take some by label. */
function nodeNeighborChecks(lab: Lab): NeighborsCheck[] {
    return Object.keys(lab.cluster.nodes)
        .filter((node) => nodeInstances(lab, node).some(({ podNeighbors = [] }) => podNeighbors.length > 0))
        .map((device) => {
            const neighbors = nodeSpeaker(lab, device, "cilium")?.neighbors ?? [];
            return { kind: "neighbors", device, neighbors: neighbors.map(({ address }) => address) };
        });
}

/** The best paths of the speakers of nodes that take routes. */
function speakerTableChecks(lab: Lab, prediction: Prediction): SpeakerTableCheck[] {
    return transitSpeakers(lab).flatMap(([device]) =>
        families.map((family): SpeakerTableCheck => {
            const rib = Object.entries(prediction.devices[device]!.rib[family]);
            const best = rib.flatMap(([prefix, { paths }]) =>
                paths.filter((path) => path.best).map(({ nextHop, asPath }) => [prefix, { nextHop, asPath }] as const),
            );
            return { kind: "speaker-table", device, family, routes: Object.fromEntries(best) };
        }),
    );
}

/** Whether routes to Pods that are routers come and go in the kernels of nodes. */
function hasPodNeighbors({ routers, cluster: { cilium } }: Lab): boolean {
    const speakers = [...Object.values(routers).map(({ bgp }) => bgp), ...(cilium?.bgp ?? [])];
    return speakers.some(({ podNeighbors = [] }) => podNeighbors.length > 0);
}

/**
 * What the kernels of nodes hold that take routes, as those of Calico do, and of a Cilium's nodes what Pods announced. Routers
 * do not see it: nodes tell each other over sessions of their own.
 */
function nodeRouteChecks(lab: Lab, prediction: Prediction): ForwardingCheck[] {
    const all = hasPodNeighbors(lab);
    const taking = Object.keys(lab.cluster.nodes).filter(
        (node) => all || nodeSpeakers(lab, node).some(({ imports }) => imports),
    );
    const podFamilies = families.filter((family) => lab.cluster.podCidrs.some((cidr) => familyOf(cidr) === family));
    return taking.flatMap((device) =>
        podFamilies.map((family): ForwardingCheck => {
            const fib = Object.entries(prediction.devices[device]!.fib[family]);
            const learned = fib.filter(([, { protocol }]) => protocol === "bgp");
            const routes = learned.map(([prefix, route]) => [prefix, gatewaysOf(route)] as const);
            return { kind: "forwarding", device, family, routes: Object.fromEntries(routes) };
        }),
    );
}

/** What nodes must show that routers do not see: their speakers' neighbors, paths and refusals, and their kernels' routes. */
export function planNodeChecks(lab: Lab, prediction: Prediction): readonly Check[] {
    return [
        ...nodeNeighborChecks(lab),
        ...speakerTableChecks(lab, prediction),
        ...nodeRefusalChecks(lab, prediction),
        ...nodeRouteChecks(lab, prediction),
    ];
}

/** What routers hold, and nothing of what they say to each other: the tables and routes of a prediction. */
export function planTableChecks(lab: Lab, prediction: Prediction): readonly (TableCheck | RouteCheck)[] {
    return [...tableChecks(lab, prediction), ...routeChecks(lab, prediction)];
}
