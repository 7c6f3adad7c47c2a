/** Names of interfaces on network operating systems that have rules for them. */

import type { Interface } from "../lab/model";

/** The number at the end of a name, by which systems know interfaces that they call all alike. */
export function numberOf(name: string): number | undefined {
    const digits = /[0-9]+$/.exec(name)?.[0];
    return digits === undefined ? undefined : Number(digits);
}

/**
 * Numbers of interfaces of one kind, by their names in the model: those at the end of the names, or, where a name has none
 * or two have the same, e.g. `enp7s0` and `enp8s0`, their places in the model.
 */
export function interfaceNumbers(interfaces: readonly Interface[]): ReadonlyMap<string, number> {
    const own = interfaces.map(({ name }) => numberOf(name));
    const telling = !own.includes(undefined) && new Set(own).size === own.length;
    return new Map(interfaces.map(({ name }, index) => [name, telling ? own[index]! : index]));
}

/** Whether an interface is a link, and no loopback. */
export function isLink({ attachment }: Interface): boolean {
    return attachment.kind === "segment";
}
