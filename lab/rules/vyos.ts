import { routingInstances } from "../instances";
import type { Lab, Router } from "../model";
import { type VyosSeries, vyosSeries } from "../vyos";
import { rule } from "./rule";

/** What a release is called decides in which words it is configured. */
export const releaseIsKnown = rule({
    id: "VYOS-VER-001",
    severity: "error",
    source: "VyOS documentation, release trains",
    *check(lab) {
        for (const [name, { nosVersion }] of vyosRouters(lab)) {
            if (vyosSeries(nosVersion) === undefined) {
                yield {
                    at: ["routers", name, "nosVersion"],
                    says: `VyOS ${nosVersion} is of no series whose configuration syntax is known`,
                    fix: "use a release of 1.2, 1.3, 1.4 or 1.5, e.g. 1.4.0",
                };
            }
        }
    },
});

/** Before 1.4 the configuration of BGP had no place in a VRF. */
export const vrfsAreThere = rule({
    id: "VYOS-VRF-001",
    severity: "error",
    source: "vyatta-cfg-quagga, templates/protocols/bgp",
    *check(lab) {
        for (const [name, { nosVersion, vrfs = [] }] of olderRouters(lab)) {
            if (vrfs.length > 0) {
                yield {
                    at: ["routers", name, "vrfs"],
                    with: [["routers", name, "nosVersion"]],
                    says: `VyOS ${nosVersion} has no BGP in a VRF, but ${name} has ${vrfs.map((vrf) => vrf.name).join(", ")}`,
                    fix: "use VyOS 1.4.0 or newer, or FRR",
                };
            }
        }
    },
});

/** Before 1.4 eBGP sessions without policy exchanged everything, and could not be told otherwise. */
export const policyCanBeRequired = rule({
    id: "VYOS-POL-001",
    severity: "error",
    source: "RFC 8212; vyatta-cfg-quagga, templates/protocols/bgp/node.def",
    *check(lab) {
        for (const [name, router] of olderRouters(lab)) {
            for (const { bgp, place } of routingInstances(router)) {
                if (bgp.ebgpRequiresPolicy) {
                    yield {
                        at: ["routers", name, ...place, "bgp", "ebgpRequiresPolicy"],
                        with: [["routers", name, "nosVersion"]],
                        says: `VyOS ${router.nosVersion} cannot be told that eBGP requires a policy`,
                        fix: "use VyOS 1.4.0 or newer, or FRR",
                    };
                }
            }
        }
    },
});

function vyosRouters({ routers }: Lab): readonly (readonly [name: string, router: Router])[] {
    return Object.entries(routers).filter(([, { nos }]) => nos === "vyos");
}

function olderRouters(lab: Lab): readonly (readonly [name: string, router: Router])[] {
    const older: readonly (VyosSeries | undefined)[] = ["1.2", "1.3"];
    return vyosRouters(lab).filter(([, { nosVersion }]) => older.includes(vyosSeries(nosVersion)));
}
