import type { Lab } from "../model";
import { devices } from "./devices";
import { rule } from "./rule";
import { instances, type PlacedInstance } from "./tables";

/** An interface belongs to a VRF that its router has; hosts and nodes have none. */
export const interfaceVrfsExist = rule({
    id: "VRF-IF-001",
    severity: "error",
    source: "Linux, VRF; docs/architecture.md",
    *check(lab) {
        for (const { name, place, device } of devices(lab)) {
            const known = place[0] === "routers" ? (lab.routers[name]?.vrfs ?? []).map((vrf) => vrf.name) : [];
            for (const [index, { name: port, vrf }] of device.interfaces.entries()) {
                if (vrf !== undefined && !known.includes(vrf)) {
                    yield {
                        at: [...place, "interfaces", index, "vrf"],
                        says: `${name}'s interface ${port} is in the VRF ${vrf}, which ${name} does not have`,
                        fix: known.length === 0 ? "remove vrf" : `use one of ${known.join(", ")}`,
                    };
                }
            }
        }
    },
});

/** A VRF is a device of its own on Linux: 1 to 15 bytes, and no other interface or VRF has its name. */
export const vrfNamesAreValid = rule({
    id: "VRF-NAME-001",
    severity: "error",
    source: "Linux, VRF; FRR documentation, VRF",
    *check(lab) {
        for (const [router, { vrfs = [], interfaces }] of Object.entries(lab.routers)) {
            for (const [index, { name }] of vrfs.entries()) {
                const at = ["routers", router, "vrfs", index, "name"];
                if (!/^[^\s/:]{1,15}$/.test(name) || name === "default") {
                    yield {
                        at,
                        says: `${router} has a VRF named "${name}"`,
                        fix: "use 1 to 15 letters and digits, and not default",
                    };
                } else if (
                    vrfs.findIndex((other) => other.name === name) < index ||
                    interfaces.some((port) => port.name === name)
                ) {
                    yield {
                        at,
                        says: `${router} has two VRFs or interfaces named ${name}`,
                        fix: "rename one of them",
                    };
                }
            }
        }
    },
});

/** A route distinguisher keeps equal networks of two VRFs apart. */
export const routeDistinguishersAreDistinct = rule({
    id: "VRF-RD-001",
    severity: "error",
    source: "RFC 4364 §4.2",
    *check(lab) {
        const owners = new Map<string, string>();
        for (const { router, who, leaking, place } of instances(lab)) {
            if (leaking === undefined) {
                continue;
            }
            const key = `${router} ${leaking.routeDistinguisher}`;
            const owner = owners.get(key);
            if (owner !== undefined) {
                yield {
                    at: [...place, "routeDistinguisher"],
                    says: `${who} and ${owner} both have the route distinguisher ${leaking.routeDistinguisher}`,
                    fix: "give every VRF one of its own",
                };
            }
            owners.set(key, owner ?? who);
        }
    },
});

/** A route target that nothing exports brings nothing: it is misspelt more often than meant. */
export const importedTargetsAreExported = rule({
    id: "VRF-RT-001",
    severity: "warning",
    source: "RFC 4364 §4.3.1",
    *check(lab) {
        const exported = new Set(targetsOf(lab, "exportTargets").map(({ key }) => key));
        for (const { who, target, key, place } of targetsOf(lab, "importTargets")) {
            if (!exported.has(key)) {
                yield {
                    at: place,
                    says: `${who} imports the route target ${target}, which no VRF of its router exports`,
                    fix: "import one that is exported, or remove it",
                };
            }
        }
    },
});

/** A route target that nothing imports leads nowhere. */
export const exportedTargetsAreImported = rule({
    id: "VRF-RT-002",
    severity: "warning",
    source: "RFC 4364 §4.3.1",
    *check(lab) {
        const imported = new Set(targetsOf(lab, "importTargets").map(({ key }) => key));
        for (const { who, target, key, place } of targetsOf(lab, "exportTargets")) {
            if (!imported.has(key)) {
                yield {
                    at: place,
                    says: `${who} exports the route target ${target}, which no VRF of its router imports`,
                    fix: "import it where its routes are needed, or remove it",
                };
            }
        }
    },
});

/**
 * What a VRF takes over from another has its next hop there, inside the router. An internal neighbor would be told that
 * next hop, which it cannot reach.
 */
export const leakingVrfsHaveNoInternalPeers = rule({
    id: "VRF-LEAK-001",
    severity: "error",
    source: "docs/daemons.md",
    *check(lab) {
        for (const { into } of leaks(lab)) {
            for (const [index, { address, remoteAsn }] of into.bgp.neighbors.entries()) {
                if (remoteAsn === into.bgp.asn) {
                    yield {
                        at: [...into.place, "bgp", "neighbors", index],
                        with: [[...into.place, "importTargets"]],
                        says: `${into.who} takes over routes of another VRF, and would pass them on to its internal neighbor ${address} with a next hop inside the router`,
                        fix: "use an external neighbor, or import no route target of another VRF",
                    };
                }
            }
        }
    },
});

/** Who takes over a learned route has to reach its next hop, which is in a subnet of the VRF that learned it. */
export const leakingVrfsRedistributeSubnets = rule({
    id: "VRF-LEAK-002",
    severity: "error",
    source: "docs/daemons.md",
    *check(lab) {
        for (const { from, into } of leaks(lab)) {
            const isTold = from.bgp.families.some(({ redistribute }) => redistribute.includes("connected"));
            if (from.bgp.neighbors.length > 0 && !isTold) {
                yield {
                    at: [...from.place, "bgp", "families"],
                    with: [[...into.place, "importTargets"]],
                    says: `${into.who} takes over what ${from.who} learns, but not the subnets that its next hops are in`,
                    fix: "redistribute connected in the VRF that exports",
                };
            }
        }
    },
});

/** VRFs that take over routes of another VRF of their router, by pair. */
function leaks(lab: Lab): readonly { readonly from: PlacedInstance; readonly into: PlacedInstance }[] {
    return instances(lab).flatMap((into) =>
        instances(lab)
            .filter(({ router, vrf }) => router === into.router && vrf !== into.vrf)
            .filter(({ leaking }) => leaking?.exportTargets.some((one) => into.leaking?.importTargets.includes(one)))
            .map((from) => ({ from, into })),
    );
}

/** Routes between the VRFs of a router stay within its AS: its BGP process has one, and each VRF is a part of it. */
export const vrfsHaveTheRoutersAsn = rule({
    id: "VRF-ASN-001",
    severity: "error",
    source: "Cisco IOS XE, address-family ipv4 vrf; FRR documentation, VRF route leaking",
    *check(lab) {
        for (const { router, vrf, who, bgp, place } of instances(lab)) {
            const { asn } = lab.routers[router]!.bgp;
            if (vrf !== undefined && bgp.asn !== asn) {
                yield {
                    at: [...place, "bgp", "asn"],
                    with: [["routers", router, "bgp", "asn"]],
                    says: `${who} is AS ${bgp.asn}, but ${router} is AS ${asn}`,
                    fix: `give the VRF AS ${asn}`,
                };
            }
        }
    },
});

function targetsOf(lab: Lab, which: "importTargets" | "exportTargets") {
    return instances(lab).flatMap(({ router, who, leaking, place }) =>
        (leaking?.[which] ?? []).map((target, index) => ({
            who,
            target,
            key: `${router} ${target}`,
            place: [...place, which, index],
        })),
    );
}
