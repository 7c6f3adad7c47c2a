/** Pictures of labs, and of what a change does to one. */

import type { Lab } from "../../lab/model";
import { bgp } from "./bgp";
import { folded } from "./fold";
import type { Graph } from "./graph";
import { isUnmarked, union } from "./marked";
import { mermaidOf } from "./mermaid";
import { overview } from "./overview";
import { physical } from "./physical";
import { vrf } from "./vrf";

const draw = { overview, physical, bgp, vrf };

/** What a picture shows of a lab. */
export type View = keyof typeof draw;

/** Every view, the one of the whole first. */
export const views = Object.keys(draw) as readonly View[];

/** A picture of a lab. Large labs are drawn folded. */
export function diagram(lab: Lab, view: View): Graph {
    return folded(draw[view](lab));
}

/** A picture of two states of a lab in one, with what differs marked. Folded parts are those that stay as they are. */
export function marked(before: Lab, after: Lab, view: View): Graph {
    return folded(union(draw[view](before), draw[view](after)));
}

/** Views in which a change is looked for: what is said about sessions and services comes first. */
const telling: readonly View[] = ["bgp", "physical", "vrf"];

/** A Mermaid flowchart of what a change does to a lab; nothing when no picture of the lab changes. */
export function markedMermaid(before: Lab, after: Lab): string | undefined {
    const view = telling.find((each) => !isUnmarked(union(draw[each](before), draw[each](after))));
    return view && mermaidOf(marked(before, after, view));
}
