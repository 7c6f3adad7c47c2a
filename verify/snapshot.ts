import type { Address, Family, Prefix } from "../lab/model";
import type { ObjectReference } from "./check";
import type { Driver, ObservedRoute, ObservedSession } from "./driver";

/** Next hops by prefix. */
export type RouteTable = ReadonlyMap<Prefix, readonly Address[]>;

function tableOf(routes: readonly ObservedRoute[]): RouteTable {
    return new Map(routes.map(({ prefix, nextHops }) => [prefix, [...nextHops].sort()]));
}

/** One look at the lab: everything is asked at most once, however many checks speak of it. */
export interface Snapshot {
    /** An object of the cluster as JSON; nothing when there is none. */
    object(reference: ObjectReference): Promise<unknown>;
    sessions(device: string): Promise<ReadonlyMap<Address, ObservedSession>>;
    bgpRoutes(device: string, family: Family): Promise<RouteTable>;
    kernelBgpRoutes(device: string, family: Family): Promise<RouteTable>;
    offered(device: string, neighbor: Address, family: Family): Promise<readonly Prefix[]>;
}

/**
 * Begins a new look at the lab.
 *
 * @param driver how to look
 * @param objects the objects of the cluster that will be asked for; they are all fetched in one go
 */
export function takeSnapshot(driver: Driver, objects: readonly ObjectReference[] = []): Snapshot {
    const answers = new Map<string, Promise<unknown>>();
    function once<T>(key: string, ask: () => Promise<T>): Promise<T> {
        const known = answers.get(key);
        if (known) {
            return known as Promise<T>;
        }
        const answer = ask();
        answers.set(key, answer);
        return answer;
    }
    return {
        object: async (reference) => {
            const found = await once("objects", () => driver.objects(objects));
            return found[objects.indexOf(reference)];
        },
        sessions: (device) =>
            once(`sessions ${device}`, async () => {
                const sessions = await driver.sessions(device);
                return new Map(sessions.map((session) => [session.neighbor, session]));
            }),
        bgpRoutes: (device, family) =>
            once(`rib ${device} ${family}`, async () => tableOf(await driver.bgpRoutes(device, family))),
        kernelBgpRoutes: (device, family) =>
            once(`fib ${device} ${family}`, async () => tableOf(await driver.kernelBgpRoutes(device, family))),
        offered: (device, neighbor, family) =>
            once(`offer ${device} ${neighbor} ${family}`, async () =>
                [...(await driver.offered(device, neighbor, family))].sort(),
            ),
    };
}
