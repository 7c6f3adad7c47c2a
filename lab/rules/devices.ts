/** The devices of a lab with their places in the model, as many rules walk over them. */

import { addressOf } from "../address";
import type { Address, Device, Interface, InterfaceAddress, Lab } from "../model";
import type { Path } from "../path";

/** A router, host or node. */
export interface PlacedDevice {
    readonly name: string;
    readonly place: Path;
    readonly device: Device;
    readonly addresses: readonly PlacedAddress[];
}

/** An address of an interface. */
export interface PlacedAddress {
    readonly address: Address;
    readonly text: InterfaceAddress;
    readonly interface: Interface;
    readonly place: Path;
}

const devicesByLab = new WeakMap<Lab, readonly PlacedDevice[]>();

/** Routers, hosts and nodes, in the order of the model. */
export function devices(lab: Lab): readonly PlacedDevice[] {
    const placed = devicesByLab.get(lab) ?? [
        ...placeAll(["routers"], lab.routers),
        ...placeAll(["hosts"], lab.hosts),
        ...placeAll(["cluster", "nodes"], lab.cluster.nodes),
    ];
    devicesByLab.set(lab, placed);
    return placed;
}

function placeAll(parent: Path, named: Readonly<Record<string, Device>>): PlacedDevice[] {
    return Object.entries(named).map(([name, device]) => {
        const place = [...parent, name];
        return { name, place, device, addresses: placeAddresses(place, device) };
    });
}

function placeAddresses(parent: Path, device: Device): PlacedAddress[] {
    return device.interfaces.flatMap((owner, index) =>
        owner.addresses.map((text, position) => ({
            address: addressOf(text),
            text,
            interface: owner,
            place: [...parent, "interfaces", index, "addresses", position],
        })),
    );
}
