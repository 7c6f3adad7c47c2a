import { addressOf, familyOf } from "../lab/address";
import { findDevice } from "../lab/devices";
import type { Address, Family, Lab, Prefix } from "../lab/model";
import { sessionEnds } from "../lab/sessions";
import { findSessionSettings } from "../lab/speakers";
import { type BgpRoute, offered, type PredictedDevice, type Prediction } from "../routing/prediction";
import type { Check, OfferCheck, RouteCheck, SessionCheck, TableCheck } from "./check";

const families: readonly Family[] = ["ipv4", "ipv6"];

/** Sessions that the prediction brings up, as their routers see them. */
function sessionChecks(lab: Lab, prediction: Prediction): SessionCheck[] {
    const sessions = new Map(
        prediction.sessions.map((session) => [`${session.local} ${session.remoteAddress}`, session]),
    );
    return Object.entries(lab.routers).flatMap(([device, { bgp }]) =>
        bgp.neighbors.flatMap(({ address, remoteAsn }) => {
            const session = sessions.get(`${device} ${address}`);
            return session?.state.up
                ? [{ kind: "session" as const, device, neighbor: address, remoteAsn, families: session.families }]
                : [];
        }),
    );
}

/** Next hops in use, in ascending order; nothing for a route that the router itself originates. */
function learnedNextHops({ paths }: BgpRoute): readonly Address[] | undefined {
    const used = paths.filter(({ multipath, from }) => multipath && from !== "local");
    return used.length === 0 ? undefined : used.map(({ nextHop }) => nextHop).sort();
}

/** The networks of every router's BGP table, so that one that nobody predicted is noticed. */
function tableChecks(lab: Lab, prediction: Prediction): TableCheck[] {
    return Object.keys(lab.routers).flatMap((device) =>
        families.map((family): TableCheck => {
            const { rib, fib } = prediction.devices[device] as PredictedDevice;
            const prefixes = Object.keys(rib[family]).sort();
            const learned = prefixes.filter((prefix) => fib[family][prefix]?.protocol === "bgp");
            return { kind: "table", device, family, prefixes, learned };
        }),
    );
}

/** Every route that a router is predicted to learn. */
function routeChecks(lab: Lab, prediction: Prediction): RouteCheck[] {
    return Object.keys(lab.routers).flatMap((device) =>
        families.flatMap((family) =>
            Object.entries(prediction.devices[device]?.rib[family] ?? {}).flatMap(([prefix, route]): RouteCheck[] => {
                const nextHops = learnedNextHops(route);
                return nextHops ? [{ kind: "route", device, prefix, nextHops }] : [];
            }),
        ),
    );
}

/** Networks that a router's outgoing filter lets through; nothing when the session has no filter. */
function permitted(lab: Lab, device: string, neighbor: Address, family: Family): readonly Prefix[] | undefined {
    const router = lab.routers[device];
    const entry = router?.bgp.neighbors.find(({ address }) => address === neighbor);
    const settings = router && entry ? findSessionSettings(router.bgp, entry) : undefined;
    const name = settings?.families.find((candidate) => candidate.family === family)?.prefixListOut;
    return router?.prefixLists
        .find((list) => list.name === name && list.family === family)
        ?.entries.filter(({ action }) => action === "permit")
        .map(({ prefix }) => prefix);
}

/** What a router offers to each neighbor, exactly. */
function offerChecks(lab: Lab, prediction: Prediction, sessions: readonly SessionCheck[]): OfferCheck[] {
    return sessions.flatMap(({ device, neighbor, families: exchanged }) =>
        exchanged.map((family): OfferCheck => {
            const within = permitted(lab, device, neighbor, family);
            return {
                kind: "offer",
                device,
                neighbor,
                family,
                prefixes: offered(prediction, device, neighbor, family),
                ...(within ? { within } : {}),
            };
        }),
    );
}

/** Addresses of a device or pod. */
function addressesOf(lab: Lab, name: string): readonly Address[] {
    const pod = lab.cluster.workloads.flatMap(({ pods }) => pods).find((each) => each.name === name);
    const interfaces = findDevice(lab, name)?.interfaces ?? [];
    return pod?.addresses ?? interfaces.flatMap(({ addresses }) => addresses.map(addressOf));
}

/** Traffic checks of the model, with what the runtime-independent prober needs to know. */
function trafficChecks(lab: Lab): Check[] {
    return lab.checks.map((check): Check => {
        if (check.kind === "silence") {
            return check;
        }
        const family = familyOf(check.address);
        const clientAddresses = addressesOf(lab, check.from).filter((own) => familyOf(own) === family);
        return { ...check, clientAddresses };
    });
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
        ...tableChecks(lab, prediction),
        ...routeChecks(lab, prediction),
        ...offerChecks(lab, prediction, sessions),
        ...trafficChecks(lab),
    ];
}
