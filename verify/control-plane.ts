import { contains, familyOf } from "../lab/address";
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
import { evaluate } from "./condition";
import { list, nextHopsIn, pathsIn, routesIn } from "./describe";
import { closedByLimit } from "./driver";
import type { Sight } from "./sight";
import type { Snapshot } from "./snapshot";

/** Checks that ask the cluster's API or routing daemons. */
export type ControlPlaneCheck = Exclude<Check, { kind: "service" | "pod" | "silence" | "passage" }>;

function equal(a: readonly string[], b: readonly string[]): boolean {
    return a.length === b.length && a.every((item, i) => item === b[i]);
}

async function session(check: SessionCheck, snapshot: Snapshot): Promise<Sight> {
    const seen = (await snapshot.sessions(check)).get(check.neighbor);
    if (!seen) {
        return { holds: false, observed: "no such neighbor" };
    }
    const families = [...seen.families].sort();
    return {
        holds:
            seen.state === "Established" &&
            seen.remoteAsn === check.remoteAsn &&
            equal(families, [...check.families].sort()),
        observed: `${seen.state}, AS ${seen.remoteAsn}, ${list(families)}`,
    };
}

async function downSession(check: DownSessionCheck, snapshot: Snapshot): Promise<Sight> {
    const seen = (await snapshot.sessions(check)).get(check.neighbor);
    if (!seen) {
        return { holds: false, observed: "no such neighbor" };
    }
    return {
        holds: check.closed ? seen.state === closedByLimit : seen.state !== "Established",
        observed: seen.state,
    };
}

/** What is there and not wanted, and what is wanted and not there; nothing when all is well. */
function deviations(where: string, wanted: readonly string[], there: Iterable<string>): string[] {
    const found = new Set(there);
    const foreign = [...found].filter((prefix) => !wanted.includes(prefix)).sort();
    const missing = wanted.filter((prefix) => !found.has(prefix));
    return [
        ...(foreign.length > 0 ? [`${where} has also ${list(foreign)}`] : []),
        ...(missing.length > 0 ? [`${where} lacks ${list(missing)}`] : []),
    ];
}

async function table(check: TableCheck, snapshot: Snapshot): Promise<Sight> {
    const [rib, fib] = await Promise.all([
        snapshot.bgpRoutes(check, check.family),
        snapshot.kernelBgpRoutes(check, check.family),
    ]);
    const wrong = [...deviations("RIB", check.prefixes, rib.keys()), ...deviations("FIB", check.learned, fib.keys())];
    return {
        holds: wrong.length === 0,
        observed: wrong.length === 0 ? list([...rib.keys()].sort()) : wrong.join("; "),
    };
}

async function route(check: RouteCheck, snapshot: Snapshot): Promise<Sight> {
    const family = familyOf(check.prefix);
    const [rib, fib] = await Promise.all([snapshot.bgpRoutes(check, family), snapshot.kernelBgpRoutes(check, family)]);
    const inRib = rib.get(check.prefix) ?? [];
    const inFib = fib.get(check.prefix) ?? [];
    const { nextHops, gateways = nextHops } = check;
    return {
        holds: equal(inRib, [...nextHops].sort()) && equal(inFib, [...gateways].sort()),
        observed: nextHopsIn(inRib, inFib),
    };
}

async function offer(check: OfferCheck, snapshot: Snapshot): Promise<Sight> {
    const offered = await snapshot.offered(check, check.neighbor, check.family);
    const outside = check.within ? offered.filter((p) => !check.within?.some((net) => contains(net, p))) : [];
    if (outside.length > 0) {
        return { holds: false, observed: `${list(offered)}; outside the filter: ${list(outside)}` };
    }
    const returned = new Set(check.returned);
    const sure = (prefixes: readonly string[]) => prefixes.filter((prefix) => !returned.has(prefix)).sort();
    return { holds: equal(sure(offered), sure(check.prefixes)), observed: list(offered) };
}

async function forwarding(check: ForwardingCheck, snapshot: Snapshot): Promise<Sight> {
    const there = routesIn(Object.fromEntries(await snapshot.kernelBgpRoutes(check, check.family)));
    const wrong = deviations("FIB", routesIn(check.routes), there);
    return { holds: wrong.length === 0, observed: wrong.length === 0 ? list(there) : wrong.join("; ") };
}

async function neighbors(check: NeighborsCheck, snapshot: Snapshot): Promise<Sight> {
    const there = [...(await snapshot.sessions(check)).keys()].sort();
    const wrong = deviations(check.device, check.neighbors, there);
    return { holds: wrong.length === 0, observed: wrong.length === 0 ? list(there) : wrong.join("; ") };
}

async function speakerTable(check: SpeakerTableCheck, snapshot: Snapshot): Promise<Sight> {
    const paths = await snapshot.speakerRoutes(check.device, check.family);
    const there = pathsIn(Object.fromEntries(paths.map(({ prefix, ...path }) => [prefix, path])));
    const wrong = deviations("RIB", pathsIn(check.routes), there);
    return { holds: wrong.length === 0, observed: wrong.length === 0 ? list(there) : wrong.join("; ") };
}

async function refusal(check: RefusalCheck, snapshot: Snapshot): Promise<Sight> {
    const refused = await snapshot.refused(check.device, check.neighbor, check.family);
    return { holds: equal(refused, [...check.prefixes].sort()), observed: list(refused) };
}

/** Looks whether a check about the control plane holds now. */
export async function inspect(check: ControlPlaneCheck, snapshot: Snapshot): Promise<Sight> {
    switch (check.kind) {
        case "condition":
            return evaluate(check, await snapshot.object(check.object));
        case "session":
            return session(check, snapshot);
        case "down-session":
            return downSession(check, snapshot);
        case "table":
            return table(check, snapshot);
        case "route":
            return route(check, snapshot);
        case "offer":
            return offer(check, snapshot);
        case "forwarding":
            return forwarding(check, snapshot);
        case "neighbors":
            return neighbors(check, snapshot);
        case "speaker-table":
            return speakerTable(check, snapshot);
        case "refusal":
            return refusal(check, snapshot);
    }
}
