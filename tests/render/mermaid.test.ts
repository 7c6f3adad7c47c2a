import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { mermaid } from "../../render/mermaid";
import { planSingleFrr, schema } from "../../stacks/single-frr";
import { expectGolden } from "../golden";
import { buildLab, defaultRouter } from "../routing/labs";

const golden = (name: string) => join(__dirname, "golden", "mermaid", `${name}.mmd`);
const diagram = (workers: number) => mermaid(planSingleFrr(schema.parse({ workers })));

describe("the diagram", () => {
    it("of single-frr is the golden one", () => {
        expectGolden(golden("single-frr"), diagram(3));
    });

    it("of forty workers is folded, and the golden one", () => {
        expectGolden(golden("forty-workers"), diagram(40));
    });

    it("of routers on a bridge is the golden one", () => {
        const lab = buildLab({
            routers: [65001, 65002, 65002].map((asn) => ({ ...defaultRouter, asn })),
            links: [{ a: 0, b: 1, families: ["ipv4"], filterIn: false, filterOut: false }],
            bridge: [0, 1, 2],
            bridgeFamilies: ["ipv6"],
        });
        expectGolden(golden("bridge"), mermaid(lab));
    });

    it("draws every node up to twelve, and folds the thirteenth", () => {
        expect(diagram(11)).not.toContain("more nodes");
        expect(diagram(12)).toContain("10 more nodes");
    });

    it("does not grow with the lab once it is folded", () => {
        expect(diagram(200).split("\n")).toHaveLength(diagram(20).split("\n").length);
    });

    it("keeps the lines of the others when a worker is added", () => {
        const more = new Set(diagram(4).split("\n"));
        const gone = diagram(3)
            .split("\n")
            .filter((line) => !more.has(line));
        expect(gone.every((line) => line.includes("app-svc-local") || line.includes("pods"))).toBe(true);
    });
});
