import { addressOf, contains, networkOf } from "../address";
import type { Address, Device, Lab } from "../model";
import { onLink } from "../sessions";
import { devices } from "./devices";
import { networks } from "./networks";
import { podsWithoutGateway } from "./placed-pods";
import { rule } from "./rule";
import { tables } from "./tables";

/** A next hop is another device on a connected subnet, or at the other end of an interface to which it has a route. */
export const nextHopIsOnLink = rule({
    id: "ADR-NXT-001",
    severity: "error",
    source: "RFC 1812 §5.2.4.3",
    *check(lab) {
        for (const { who, device, addresses, place } of tables(lab)) {
            for (const [index, { prefix, via }] of device.staticRoutes.entries()) {
                const at = [...place, "staticRoutes", index];
                if (via.kind === "address" && !isLinked(device, via.address)) {
                    yield {
                        at,
                        says: `${who} routes ${prefix} via ${via.address}, which is in no subnet of its interfaces`,
                        fix: "use the address of a device on a connected segment",
                    };
                }
                if (via.kind === "address" && addresses.some(({ address }) => address === via.address)) {
                    yield {
                        at,
                        says: `${who} routes ${prefix} via ${via.address}, which is its own address`,
                        fix: "use the address of the device at the other end",
                    };
                }
            }
        }
    },
});

/** Nobody answers for a next hop that no device has. Of Pods whose node has no address for them, it is told of the node. */
export const nextHopIsADevice = rule({
    id: "ADR-NXT-005",
    severity: "error",
    source: "RFC 1122 §2.3.2",
    *check(lab) {
        const owned = new Set(devices(lab).flatMap(({ addresses }) => addresses.map(({ address }) => address)));
        const lost = new Set(podsWithoutGateway(lab).map(({ pod }) => pod.name));
        for (const { who, device, place } of tables(lab).filter((table) => !lost.has(table.who))) {
            for (const [index, { prefix, via }] of device.staticRoutes.entries()) {
                if (via.kind === "address" && isLinked(device, via.address) && !owned.has(via.address)) {
                    yield {
                        at: [...place, "staticRoutes", index],
                        says: `${who} routes ${prefix} via ${via.address}, which no device has`,
                        fix: "use the address of the device at the other end",
                    };
                }
            }
        }
    },
});

/** A route to an interface needs the interface. */
export const routeInterfacesExist = rule({
    id: "ADR-NXT-002",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        for (const { who, device, place } of tables(lab)) {
            for (const [index, { prefix, via }] of device.staticRoutes.entries()) {
                if (via.kind === "interface" && !device.interfaces.some((owned) => owned.name === via.interface)) {
                    yield {
                        at: [...place, "staticRoutes", index],
                        says: `${who} routes ${prefix} to its interface ${via.interface}, which does not exist`,
                        fix: `use one of ${device.interfaces.map((owned) => owned.name).join(", ")}`,
                    };
                }
            }
        }
    },
});

/** The kernel keeps one static route per destination. */
export const staticRoutesAreDistinct = rule({
    id: "ADR-NXT-003",
    severity: "error",
    source: "Linux, ip-route(8)",
    *check(lab) {
        for (const { who, device, place } of tables(lab)) {
            const seen = new Map<string, number>();
            for (const [index, { prefix }] of device.staticRoutes.entries()) {
                const earlier = seen.get(prefix);
                if (earlier !== undefined) {
                    yield {
                        at: [...place, "staticRoutes", index],
                        with: [[...place, "staticRoutes", earlier]],
                        says: `${who} has two static routes to ${prefix}`,
                        fix: "remove one of them, or make one destination more specific",
                    };
                }
                seen.set(prefix, index);
            }
        }
    },
});

/** A static route for a connected subnet competes with the subnet itself. Networks that are equal have their own rule. */
export const staticRoutesAreNotConnected = rule({
    id: "ADR-NXT-004",
    severity: "error",
    source: "Linux, ip-route(8)",
    *check(lab) {
        const planned = networks(lab).map(({ prefix }) => prefix);
        const shared = repeated(planned);
        for (const { who, device, addresses, place } of tables(lab)) {
            const connected = new Map(addresses.map(({ text, place: owner }) => [networkOf(text), owner]));
            for (const [index, { prefix }] of device.staticRoutes.entries()) {
                const owner = connected.get(prefix);
                if (owner !== undefined && !shared.has(prefix)) {
                    yield {
                        at: [...place, "staticRoutes", index],
                        with: [owner],
                        says: `${who} has a static route to ${prefix}, which is the subnet of one of its interfaces`,
                        fix: "use another destination",
                    };
                }
            }
        }
    },
});

/** Whoever answers a client needs a way back to it. */
export const nodesReachClients = rule({
    id: "NET-RTE-001",
    severity: "error",
    source: "RFC 1812 §5.2",
    *check(lab) {
        const clients = Object.entries(lab.hosts).flatMap(([name, { interfaces }]) =>
            interfaces.flatMap(({ addresses }) => addresses.map((text) => ({ name, address: addressOf(text) }))),
        );
        for (const [name, node] of Object.entries(lab.cluster.nodes)) {
            for (const client of clients.filter(({ address }) => !hasRoute(node, address))) {
                yield {
                    at: ["cluster", "nodes", name, "staticRoutes"],
                    says: `${name} has no route to ${client.name} (${client.address})`,
                    fix: "add a static route via the router",
                };
            }
        }
    },
});

/** A client sends to load-balancer addresses only if it has a route for them. */
export const clientsReachServices = rule({
    id: "NET-RTE-002",
    severity: "error",
    source: "RFC 1122 §3.3.1",
    *check(lab) {
        for (const [name, host] of Object.entries(lab.hosts)) {
            for (const { address } of uniqueTargets(lab, name).filter((target) => !hasRoute(host, target.address))) {
                yield {
                    at: ["hosts", name, "staticRoutes"],
                    says: `${name} has no route to ${address}, which it is meant to ask`,
                    fix: "add a default route via the router",
                };
            }
        }
    },
});

/** Whether an address is in a connected subnet, or has a route to an interface. */
function isLinked(device: Device, address: Address): boolean {
    return (
        onLink(device, address).interface !== undefined ||
        device.staticRoutes.some(({ prefix, via }) => via.kind === "interface" && contains(prefix, address))
    );
}

function uniqueTargets(lab: Lab, host: string): readonly { readonly address: Address }[] {
    const asked = lab.checks.filter(({ from }) => from === host).map(({ address }) => address);
    return [...new Set(asked)].map((address) => ({ address }));
}

function hasRoute(device: Device, address: Address): boolean {
    return (
        onLink(device, address).interface !== undefined ||
        device.staticRoutes.some(({ prefix }) => contains(prefix, address))
    );
}

function repeated(values: readonly string[]): ReadonlySet<string> {
    const seen = new Set<string>();
    return new Set(values.filter((value) => seen.size === seen.add(value).size));
}
