import { dotOf } from "../render/diagram/dot";
import type { Graph } from "../render/diagram/graph";
import { dressed } from "../render/diagram/svg";

/** A picture as an SVG drawing, laid out by Graphviz. Equal pictures become equal drawings. */
export async function svgOf(graph: Graph): Promise<string> {
    // A megabyte of Graphviz, which only this needs.
    const { instance } = await import("@viz-js/viz");
    const drawing = (await instance()).renderString(dotOf(graph), { format: "svg", engine: "dot" });
    return dressed(drawing, graph.title);
}
