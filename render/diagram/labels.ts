/** Texts in a picture. What a change makes of a part is said in words, too: not everybody tells colors apart. */

import type { Box, Edge, Group } from "./graph";

/** Lines of a box or group. */
export function boxLabel({ lines: [name = "", ...others], mark }: Box | Group): readonly string[] {
    return [mark === undefined ? name : `${name} (${mark})`, ...others];
}

/** Lines at an edge. */
export function edgeLabel({ lines, mark, count = 1, kind }: Edge): readonly string[] {
    const all = count === 1 ? lines : [...lines, `${count} ${plurals[kind]}`];
    if (mark === undefined) {
        return all;
    }
    const [first, ...others] = all;
    return first === undefined ? [mark] : [`${mark}: ${first}`, ...others];
}

const plurals: Readonly<Record<Edge["kind"], string>> = {
    link: "links",
    ebgp: "sessions",
    ibgp: "sessions",
    announcement: "announcements",
    leak: "leaks",
    holds: "services",
};
