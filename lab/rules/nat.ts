import { contains, familyName, familyOf, overlaps } from "../address";
import type { Lab } from "../model";
import { networks, type PlacedNetwork } from "./networks";
import { rule } from "./rule";

/** Packets can be hidden only behind an interface that the router has, and that has an address of their family. */
export const natInterfacesExist = rule({
    id: "NET-NAT-001",
    severity: "error",
    source: "RFC 3022 §2.1",
    *check(lab) {
        for (const [name, { interfaces, sourceNat = [] }] of Object.entries(lab.routers)) {
            for (const [index, { interface: outside, source }] of sourceNat.entries()) {
                const port = interfaces.find((owned) => owned.name === outside);
                const at = ["routers", name, "sourceNat", index, "interface"];
                if (port === undefined) {
                    yield {
                        at,
                        says: `${name} hides ${source} behind its interface ${outside}, which does not exist`,
                        fix: `use one of ${interfaces.map((owned) => owned.name).join(", ")}`,
                    };
                } else if (!port.addresses.some((address) => familyOf(address) === familyOf(source))) {
                    yield {
                        at,
                        says: `${name} hides ${source} behind its interface ${outside}, which has no ${familyName(familyOf(source))} address`,
                        fix: "give the interface an address, or use another one",
                    };
                }
            }
        }
    },
});

/** Packets are hidden once: of two entries for one interface that match a packet, the second is never asked. */
export const natSourcesAreDistinct = rule({
    id: "NET-NAT-002",
    severity: "warning",
    source: "RFC 3022 §2.1",
    *check(lab) {
        for (const [name, { sourceNat = [] }] of Object.entries(lab.routers)) {
            for (const [index, { interface: outside, source }] of sourceNat.entries()) {
                const earlier = sourceNat
                    .slice(0, index)
                    .find((entry) => entry.interface === outside && contains(entry.source, source));
                if (earlier !== undefined) {
                    yield {
                        at: ["routers", name, "sourceNat", index],
                        says: `${name} hides ${source} behind ${outside} a second time: it is in ${earlier.source}`,
                        fix: "remove the entry",
                    };
                }
            }
        }
    },
});

/** What comes from nowhere in the lab never comes by: the sources that should be hidden are others. */
export const natSourcesAreInTheLab = rule({
    id: "NET-NAT-003",
    severity: "warning",
    source: "RFC 3022 §2.1",
    *check(lab) {
        for (const [name, { interfaces, sourceNat = [] }] of Object.entries(lab.routers)) {
            for (const [index, { interface: outside, source }] of sourceNat.entries()) {
                const port = interfaces.find((owned) => owned.name === outside);
                // An interface that does not fit is the cause where there is one (NET-NAT-001).
                if (port === undefined || !port.addresses.some((address) => familyOf(address) === familyOf(source))) {
                    continue;
                }
                const beyond = port.attachment.kind === "segment" ? port.attachment.segment : undefined;
                const sources = sendingNetworks(lab, beyond);
                if (!sources.some(({ prefix }) => overlaps(prefix, source))) {
                    yield {
                        at: ["routers", name, "sourceNat", index, "source"],
                        says: `${name} hides ${source} behind ${outside}, but nothing in the lab has an address of it`,
                        fix: "name the network of those that send out of the lab by this router",
                    };
                }
            }
        }
    },
});

/** The networks from which packets come, without those of the segment that they are sent out to. */
function sendingNetworks(lab: Lab, beyond: string | undefined): readonly PlacedNetwork[] {
    return networks(lab).filter(
        ({ kind, place: [of, segment] }) =>
            kind !== "pool" && kind !== "services" && !(of === "segments" && segment === beyond),
    );
}
