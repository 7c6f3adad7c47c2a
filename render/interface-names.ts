/** Names of interfaces on network operating systems that have rules for them. */

import type { Interface } from "../lab/model";

/**
 * The number at the end of a name, by which an interface is known on systems that call all of them alike: `net1` is
 * VyOS's `eth1` and IOS-XE's `GigabitEthernet3`.
 *
 * @param place where the name stands, for the error
 * @throws Error if the name ends in no number
 */
export function numberOf(name: string, place: string): number {
    const digits = /[0-9]+$/.exec(name)?.[0];
    if (digits === undefined) {
        throw new Error(`${place}: the name of the interface ${name} must end in a number, e.g. ${name}0`);
    }
    return Number(digits);
}

/**
 * Names of all interfaces of a router, by their names in the model.
 *
 * @throws Error if two interfaces get one name
 */
export function uniqueNames(
    interfaces: readonly Interface[],
    nameOf: (each: Interface) => string,
    place: string,
): ReadonlyMap<string, string> {
    const names = new Map<string, string>();
    const owners = new Map<string, string>();
    for (const each of interfaces) {
        const name = nameOf(each);
        const other = owners.get(name);
        if (other !== undefined) {
            throw new Error(`${place}: ${other} and ${each.name} are both ${name}; give them different numbers`);
        }
        owners.set(name, each.name);
        names.set(each.name, name);
    }
    return names;
}
