/** Colors of drawings, on a light and on a dark page. */

import type { EdgeKind, Mark, Role } from "./graph";

/** Colors of one kind of thing; edges have no fill. */
export interface Paint {
    readonly fill: string;
    readonly line: string;
    readonly text: string;
}

/** Whatever has a color of its own; the name is its class in the drawing, too. */
export type Painted = Role | EdgeKind | Mark | "group" | "page";

type Palette = Readonly<Record<Painted, Paint>>;

const edge = { fill: "none", line: "#57606a", text: "#424a53" };
const session = { fill: "none", line: "#0969da", text: "#0a4b94" };
const quiet = { fill: "#f6f8fa", line: "#8c959f", text: "#1f2328" };

/** Colors on a light page. */
export const light: Palette = {
    page: { fill: "#ffffff", line: "none", text: "#1f2328" },
    group: { fill: "#f6f8fa", line: "#d0d7de", text: "#57606a" },
    router: { fill: "#ddf4ff", line: "#0969da", text: "#1f2328" },
    vrf: { fill: "#ddf4ff", line: "#0969da", text: "#1f2328" },
    host: { fill: "#ffffff", line: "#57606a", text: "#1f2328" },
    node: { fill: "#fbefff", line: "#8250df", text: "#1f2328" },
    segment: { fill: "#ffffff", line: "#8c959f", text: "#1f2328" },
    service: { fill: "#fff1e5", line: "#bc4c00", text: "#1f2328" },
    pool: { fill: "#fff1e5", line: "#bc4c00", text: "#1f2328" },
    more: quiet,
    note: quiet,
    link: edge,
    ebgp: session,
    ibgp: session,
    announcement: { ...edge, line: "#bc4c00", text: "#953800" },
    leak: { ...edge, line: "#8250df", text: "#6639ba" },
    holds: { ...edge, line: "#bc4c00" },
    added: { fill: "#dafbe1", line: "#1a7f37", text: "#116329" },
    removed: { fill: "#ffebe9", line: "#cf222e", text: "#a40e26" },
    changed: { fill: "#fff8c5", line: "#9a6700", text: "#7d4e00" },
};

const darkEdge = { fill: "none", line: "#8b949e", text: "#c9d1d9" };
const darkSession = { fill: "none", line: "#58a6ff", text: "#a5d6ff" };
const darkQuiet = { fill: "#161b22", line: "#8b949e", text: "#e6edf3" };

/** Colors on a dark page. */
export const dark: Palette = {
    page: { fill: "#0d1117", line: "none", text: "#e6edf3" },
    group: { fill: "#161b22", line: "#30363d", text: "#8b949e" },
    router: { fill: "#0c2d6b", line: "#58a6ff", text: "#e6edf3" },
    vrf: { fill: "#0c2d6b", line: "#58a6ff", text: "#e6edf3" },
    host: { fill: "#0d1117", line: "#8b949e", text: "#e6edf3" },
    node: { fill: "#271052", line: "#a371f7", text: "#e6edf3" },
    segment: { fill: "#0d1117", line: "#8b949e", text: "#e6edf3" },
    service: { fill: "#3d1300", line: "#db6d28", text: "#e6edf3" },
    pool: { fill: "#3d1300", line: "#db6d28", text: "#e6edf3" },
    more: darkQuiet,
    note: darkQuiet,
    link: darkEdge,
    ebgp: darkSession,
    ibgp: darkSession,
    announcement: { ...darkEdge, line: "#db6d28", text: "#ffc680" },
    leak: { ...darkEdge, line: "#a371f7", text: "#d2a8ff" },
    holds: { ...darkEdge, line: "#db6d28" },
    added: { fill: "#033a16", line: "#3fb950", text: "#7ee787" },
    removed: { fill: "#490202", line: "#f85149", text: "#ffa198" },
    changed: { fill: "#341a00", line: "#d29922", text: "#f2cc60" },
};

/** Colors of a thing where nothing says that the page is dark. */
export function paintOf(painted: Painted): Paint {
    return light[painted];
}
