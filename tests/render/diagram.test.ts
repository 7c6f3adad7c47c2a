import { join } from "node:path";
import { instance } from "@viz-js/viz";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { diagram, marked, markedMermaid, type View, views } from "../../render/diagram";
import { dotOf } from "../../render/diagram/dot";
import type { Graph, Mark } from "../../render/diagram/graph";
import { mermaidOf } from "../../render/diagram/mermaid";
import { readLab } from "../../stacks/config";
import { expectGolden } from "../golden";
import { fabric, fabricCases } from "../lab/fabric-cases";
import { speakerCases, speakerLab } from "../lab/speaker-cases";
import { buildLab, defaultRouter, plans, withRouter } from "../routing/labs";
import { vrfLab } from "../routing/vrf-lab";
import { stackConfig } from "../stacks/configs";

const root = join(__dirname, "..", "..");
const golden = (name: string) => join(__dirname, "golden", "diagram", name);

function planned(stack: string, parameters: object = {}): Lab {
    const config = stackConfig(join(root, `Pulumi.${stack}.yaml`));
    return readLab({ ...config, lab: { ...(config.lab as object | undefined), ...parameters } }, stack).lab!;
}

const stacks = ["dev", "leaf-spine", "ibgp-frr", "calico-metallb-vrf", "pod-gateway"];
const everyView = stacks.flatMap((stack) => views.map((view): [string, View] => [stack, view]));

describe("a picture", () => {
    it.each(everyView)("of %s, view %s, is the golden one in Mermaid and DOT", (stack, view) => {
        const graph = diagram(planned(stack), view);
        expectGolden(golden(`${stack}-${view}.mmd`), mermaidOf(graph));
        expectGolden(golden(`${stack}-${view}.dot`), dotOf(graph));
    });

    it("of routers on a bridge is the golden one", () => {
        const lab = buildLab({
            routers: [65001, 65002, 65002].map((asn) => ({ ...defaultRouter, asn })),
            links: [{ a: 0, b: 1, families: ["ipv4"], filterIn: false, filterOut: false }],
            bridge: [0, 1, 2],
            bridgeFamilies: ["ipv6"],
        });
        expectGolden(golden("bridge.mmd"), mermaidOf(diagram(lab, "overview")));
    });

    it("says that a lab has no VRFs", () => {
        expect(diagram(planned("dev"), "vrf").boxes).toEqual([
            expect.objectContaining({ lines: ["No router of this lab has a VRF beside the default one."] }),
        ]);
    });

    it("draws a Pod in the frame of its node, and no cable to it; a Pod that comes is marked in it", () => {
        const [before, after] = [planned("pod-gateway"), planned("pod-gateway", { gateways: [2, 1] })];
        const { groups, boxes, edges } = diagram(before, "physical");
        const pod = boxes.find(({ id }) => id === "n loadbalancer-0")!;
        const node = boxes.find(({ id }) => id === "n pod-gateway-worker2")!;
        expect([pod.group, groups.find(({ id }) => id === pod.group)?.group]).toEqual([node.group, "cluster"]);
        expect(edges.filter(({ from, to }) => [from, to].includes(pod.id))).toEqual([]);
        const change = marked(before, after, "bgp");
        const marks = [...change.groups, ...change.boxes, ...change.edges].flatMap(({ id, mark }) =>
            mark === undefined ? [] : [`${mark} ${id}`],
        );
        expect(marks).toEqual(["added n loadbalancer-1", "added session n loadbalancer-1 n pod-gateway-worker"]);
    });

    it("keeps Pods in their frames where a large lab is folded", () => {
        const graph = diagram(planned("pod-gateway", { workers: 20, gateways: [2, 19] }), "bgp");
        expect(graph.boxes.map(({ role }) => role)).toContain("more");
        const frames = new Set(graph.groups.map(({ id }) => id));
        expect(graph.boxes.filter(({ group }) => group !== undefined && !frames.has(group))).toEqual([]);
        expect(graph.boxes.find(({ role }) => role === "more")?.group).toBe("cluster");
    });

    it("says which neighbors no device answers, and who refuses whom", () => {
        const base = planned("leaf-spine");
        const lonely = JSON.parse(JSON.stringify(base).replaceAll('"remoteAsn":500', '"remoteAsn":501')) as Lab;
        const { boxes, edges } = diagram(withRouter(lonely, "spine1", gone), "bgp");
        expect(edges.find(({ id }) => id === "session n leaf0 n spine0")?.lines).toEqual([
            "eBGP IPv4, refused: leaf0 expects AS 501, not 500",
        ]);
        expect(boxes.find(({ id }) => id === "n leaf0")?.lines).toContain(
            "neighbor 10.1.12.2, AS 800: no device answers",
        );
    });
});

function gone(router: Lab["routers"][string]): Lab["routers"][string] {
    return { ...router, bgp: { ...router.bgp, neighbors: [] } };
}

describe("a large lab", () => {
    const nodes = (workers: number) => diagram(planned("dev", { workers }), "overview");
    const fabric = (racks: number) => diagram(planned("leaf-spine", { racks, spines: 4 }), "physical");

    it("is drawn folded, as its golden files show", () => {
        expectGolden(golden("forty-workers.mmd"), mermaidOf(nodes(40)));
        expectGolden(golden("twenty-racks.mmd"), mermaidOf(fabric(20)));
    });

    it("has every node up to twelve, and the thirteenth folds", () => {
        expect(mermaidOf(nodes(11))).not.toContain("more nodes");
        expect(mermaidOf(nodes(12))).toContain("10 more nodes");
    });

    it("does not make the picture grow once it is folded", () => {
        expect(nodes(200).edges).toHaveLength(nodes(20).edges.length);
        expect(fabric(32).boxes).toHaveLength(fabric(14).boxes.length);
    });

    it("keeps what changes, and folds what stays", () => {
        const change = marked(planned("dev", { workers: 40 }), planned("dev", { workers: 43 }), "bgp");
        expect(nodeNames(change)).toEqual([
            "41 more nodes",
            "cilium-bgp-cp-worker41",
            "cilium-bgp-cp-worker42",
            "cilium-bgp-cp-worker43",
        ]);
    });

    it("tells of changes in what is folded", () => {
        const change = marked(planned("dev", { workers: 40 }), planned("dev", { workers: 60 }), "bgp");
        const more = change.boxes.find(({ role, tier }) => role === "more" && tier === 2);
        expect([more?.mark, ...(more?.lines ?? [])]).toEqual([
            "changed",
            "49 more nodes",
            "AS 65001 to 65061",
            "3 pods",
            "8 added",
        ]);
    });
});

function nodeNames({ boxes }: Graph): readonly string[] {
    return boxes.filter(({ group, role }) => group === "cluster" && role !== "service").map(({ lines }) => lines[0]!);
}

describe("what a change does to a picture", () => {
    it.each([
        ["one-more-rack", "leaf-spine", { racks: 2 }, { racks: 3 }],
        ["one-spine-less", "leaf-spine", { spines: 2 }, { spines: 1 }],
        ["spine-of-large-fabric", "leaf-spine", { spines: 4, racks: 20 }, { spines: 3, racks: 20 }],
        ["other-as", "dev", {}, { routerAsn: 65100 }],
        ["internal-to-external", "ibgp-frr", {}, { nodeAsn: 64513 }],
        ["mesh-of-other-as", "calico-metallb-vrf", {}, { calicoAsn: 65012 }],
    ])("is marked as the golden file shows: %s", (name, stack, before, after) => {
        expectGolden(golden(`marked-${name}.mmd`), markedMermaid(planned(stack, before), planned(stack, after))!);
    });

    it("says of a session which of its properties come and go", () => {
        const before = planned("leaf-spine");
        const after = withoutReflection(before, "leaf0");
        const there = marked(before, after, "bgp");
        const client = "session n clab-bgp-worker n leaf0";
        expect(linesOf(there, client)).toEqual(["iBGP IPv4, no longer client"]);
        expect(linesOf(there, "n leaf0")).toContain("no longer route reflector");
        expect(linesOf(marked(after, before, "bgp"), client)).toEqual(["iBGP IPv4, now client"]);
        expectGolden(golden("marked-broken-reflection.mmd"), markedMermaid(before, after)!);
    });

    it("is looked for in the VRFs when sessions and addresses stay", () => {
        const change = markedMermaid(
            vrfLab,
            withRouter(vrfLab, Object.keys(vrfLab.routers)[0]!, (router) => ({
                ...router,
                vrfs: router.vrfs!.map((vrf) => ({ ...vrf, importTargets: vrf.importTargets.slice(1) })),
            })),
        );
        expect(change).toMatch(/imports RT .* → /);
        expect(change).toContain("removed: RT");
    });

    it("is nothing when only timers change", () => {
        const before = planned("dev");
        const after = JSON.parse(JSON.stringify(before).replaceAll('"keepalive":', '"keepalive":1')) as Lab;
        expect(after).not.toEqual(before);
        expect(markedMermaid(before, after)).toBeUndefined();
    });

    it("is nothing when nothing changes", () => {
        fc.assert(
            fc.property(plans.map(buildLab), (lab) => {
                expect(markedMermaid(lab, structuredClone(lab))).toBeUndefined();
                expect(views.flatMap((view) => marksOf(marked(lab, structuredClone(lab), view)))).toEqual([]);
            }),
        );
    });

    it("is the other way round when the change is taken back", () => {
        const opposite = { added: "removed", removed: "added", changed: "changed" } as const;
        fc.assert(
            fc.property(plans.map(buildLab), plans.map(buildLab), (a, b) => {
                for (const view of views) {
                    const there = marksOf(marked(a, b, view));
                    const back = marksOf(marked(b, a, view));
                    expect(there.map(([id, mark]): [string, Mark] => [id, opposite[mark]]).sort()).toEqual(back.sort());
                }
            }),
        );
    });
});

function linesOf({ boxes, edges }: Graph, wanted: string): readonly string[] | undefined {
    return [...boxes, ...edges].find(({ id }) => id === wanted)?.lines;
}

function withoutReflection(lab: Lab, name: string): Lab {
    return withRouter(lab, name, (router) => {
        const text = JSON.stringify(router).replaceAll('"routeReflectorClient":true', '"routeReflectorClient":false');
        return JSON.parse(text) as Lab["routers"][string];
    });
}

function marksOf({ groups, boxes, edges }: Graph): [string, Mark][] {
    return [...groups, ...boxes, ...edges].flatMap(({ id, mark }): [string, Mark][] =>
        mark === undefined ? [] : [[id, mark]],
    );
}

/** Every form of a line that `mermaidOf` may write; a label holds letters, digits, a few signs, and entities. */
const label = `"(?:[A-Za-z0-9 .,:/()=→_-]|#\\d+;|<br/>)*"`;
const mermaidLine = new RegExp(
    [
        "flowchart LR|end",
        "---|config: \\{ flowchart: \\{ subGraphTitleMargin: \\{ bottom: \\d+ \\} \\} \\}",
        "accTitle: [A-Za-z0-9 .,:()_-]+",
        `subgraph \\w+\\[${label}\\]`,
        `\\w+(?:\\[${label}\\]|\\{\\{${label}\\}\\}|\\(\\[${label}\\]\\)|\\[\\(${label}\\)\\]|\\[\\[${label}\\]\\]|>${label}\\])`,
        `\\w+ (?:---|<-->|<-\\.->|-\\.->|==>|-\\.-)(?:\\|${label}\\|)? \\w+`,
        "classDef \\w+ [\\w:#,; -]+",
        "class [\\w,]+ \\w+",
        "linkStyle [\\d,]+ [\\w:#,; -]+",
    ]
        .map((form) => `(?:${form})`)
        .join("|")
        .replace(/^/, "^(?:")
        .replace(/$/, ")$"),
);

describe("the text of a picture", () => {
    const hostile = [
        "end",
        'a"b',
        "<b>x</b>",
        "`x`",
        "#59;",
        "%%{init: {}}%%",
        "x\ny",
        "- x",
        "$$x$$",
        "\\N",
        "a-b",
        "a_b",
    ];
    const named = (name: string) =>
        JSON.parse(
            JSON.stringify(planned("dev")).replaceAll("router0", () => JSON.stringify(name).slice(1, -1)),
        ) as Lab;

    it.each(hostile)("holds names as they are, whatever they could mean in Mermaid or DOT: %j", async (name) => {
        const viz = await instance();
        for (const view of views) {
            const graph = diagram(named(name), view);
            expect(wrongLines(mermaidOf(graph))).toEqual([]);
            const drawing = viz.renderString(dotOf(graph), { format: "svg" });
            expect(view === "vrf" || texts(drawing).includes(name.replace("\n", " "))).toBe(true);
        }
    });

    it("is Mermaid and DOT of every lab, with edges between boxes that are there", async () => {
        const viz = await instance();
        fc.assert(
            fc.property(plans.map(buildLab), plans.map(buildLab), fc.constantFrom(...views), (a, b, view) => {
                for (const graph of [diagram(a, view), marked(a, b, view)]) {
                    const ids = [...graph.groups, ...graph.boxes].map(({ id }) => id);
                    expect(new Set(ids).size).toBe(ids.length);
                    expect(graph.edges.flatMap(({ from, to }) => [from, to]).filter((id) => !ids.includes(id))).toEqual(
                        [],
                    );
                    expect(wrongLines(mermaidOf(graph))).toEqual([]);
                    expect(viz.render(dotOf(graph), { format: "svg" }).status).toBe("success");
                }
            }),
            // Each lab is laid out twice, which takes longer than drawing it.
            { numRuns: 30 },
        );
    });

    it("is there for every lab that a rule forbids, unless an address of it is none", () => {
        const broken = [
            ...fabricCases.map((each) => ({ id: each.id, lab: fabric(each) })),
            ...speakerCases.map((each) => ({ id: each.id, lab: speakerLab(each) })),
        ].filter(({ id }) => id !== "ADR-FMT-001");
        expect(broken.length).toBeGreaterThan(50);
        for (const { id, lab } of broken) {
            const wrong = views.flatMap((view) => wrongLines(mermaidOf(marked(fabric(), lab, view))));
            expect([id, ...wrong]).toEqual([id]);
        }
    });

    it("keeps apart things whose names differ by signs only", () => {
        const base = planned("leaf-spine");
        const lab = JSON.parse(
            JSON.stringify(base).replaceAll('"spine0"', '"x-y"').replaceAll('"spine1"', '"x_y"'),
        ) as Lab;
        const lines = mermaidOf(diagram(lab, "bgp")).split("\n");
        expect(lines.filter((line) => /^ *n_x_y\w*\["/.test(line)).map((line) => /^ *(\w+)/.exec(line)![1])).toEqual([
            "n_x_y",
            "n_x_y_2",
        ]);
    });
});

function wrongLines(mermaid: string): readonly string[] {
    return mermaid.split("\n").filter((line) => line !== "" && !mermaidLine.test(line.trim()));
}

/** What an SVG drawing shows as text. */
function texts(drawing: string): readonly string[] {
    return [...drawing.matchAll(/<text[^>]*>(.*?)<\/text>/gs)].map(([, text = ""]) =>
        text
            .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
            .replace(/&(lt|gt|quot|amp);/g, (_, name: "lt" | "gt" | "quot" | "amp") => signs[name]),
    );
}

const signs = { lt: "<", gt: ">", quot: '"', amp: "&" } as const;
