import type { Address, Family, Prefix } from "../lab/model";
import type { ObjectReference } from "./check";
import type { Driver, ObservedPath, ObservedRoute, ObservedSession } from "./driver";

/** Next hops by prefix. */
export type RouteTable = ReadonlyMap<Prefix, readonly Address[]>;

function tableOf(routes: readonly ObservedRoute[]): RouteTable {
    return new Map(routes.map(({ prefix, nextHops }) => [prefix, [...nextHops].sort()]));
}

/** A routing instance: a device, or one of a router's VRFs beside the default one. */
export interface Instance {
    readonly device: string;
    readonly vrf?: string;
}

/** One look at the lab: everything is asked at most once, however many checks speak of it. */
export interface Snapshot {
    /** An object of the cluster as JSON; nothing when there is none. */
    object(reference: ObjectReference): Promise<unknown>;
    sessions(instance: Instance): Promise<ReadonlyMap<Address, ObservedSession>>;
    bgpRoutes(instance: Instance, family: Family): Promise<RouteTable>;
    kernelBgpRoutes(instance: Instance, family: Family): Promise<RouteTable>;
    offered(instance: Instance, neighbor: Address, family: Family): Promise<readonly Prefix[]>;
    speakerRoutes(node: string, family: Family): Promise<readonly ObservedPath[]>;
    refused(device: string, neighbor: Address, family: Family): Promise<readonly Prefix[]>;
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
        sessions: ({ device, vrf }) =>
            once(`sessions ${device} ${vrf ?? ""}`, async () => {
                const sessions = await driver.sessions(device, vrf);
                return new Map(sessions.map((session) => [session.neighbor, session]));
            }),
        bgpRoutes: ({ device, vrf }, family) =>
            once(`rib ${device} ${vrf ?? ""} ${family}`, async () =>
                tableOf(await driver.bgpRoutes(device, family, vrf)),
            ),
        kernelBgpRoutes: ({ device, vrf }, family) =>
            once(`fib ${device} ${vrf ?? ""} ${family}`, async () =>
                tableOf(await driver.kernelBgpRoutes(device, family, vrf)),
            ),
        offered: ({ device, vrf }, neighbor, family) =>
            once(`offer ${device} ${vrf ?? ""} ${neighbor} ${family}`, async () =>
                [...(await driver.offered(device, neighbor, family, vrf))].sort(),
            ),
        speakerRoutes: (node, family) => once(`paths ${node} ${family}`, () => driver.speakerRoutes(node, family)),
        refused: (device, neighbor, family) =>
            once(`refusal ${device} ${neighbor} ${family}`, async () =>
                [...(await driver.refused(device, neighbor, family))].sort(),
            ),
    };
}
