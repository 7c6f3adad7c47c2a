import { describe, expect, it } from "vitest";
import { formatPath } from "../../lab/path";
import { type Finding, formatFindings, isError } from "../../lab/rules/findings";

const finding: Finding = {
    id: "BGP-SES-001",
    severity: "error",
    at: "routers.leaf0.bgp.neighbors[2].remoteAsn",
    says: "leaf0 ↔ spine1 expects AS 801, but spine1 is AS 800",
    fix: "set remoteAsn to 800, or change the AS of spine1",
    source: "RFC 4271 §6.2",
};

describe("findings", () => {
    it("are written as severity, id and place, what is wrong, and the fix with its source", () => {
        expect(formatFindings([finding])).toBe(
            [
                "error BGP-SES-001  routers.leaf0.bgp.neighbors[2].remoteAsn",
                "  leaf0 ↔ spine1 expects AS 801, but spine1 is AS 800",
                "  fix: set remoteAsn to 800, or change the AS of spine1            RFC 4271 §6.2",
                "",
            ].join("\n"),
        );
    });

    it("are set apart by an empty line", () => {
        const text = formatFindings([finding, { ...finding, severity: "warning" }]);
        expect(text.split("\n\n")).toHaveLength(2);
        expect(text).toContain("\n\nwarning BGP-SES-001");
        expect(formatFindings([])).toBe("");
    });

    it("keep two spaces before the source when the fix is long", () => {
        expect(formatFindings([{ ...finding, fix: "x".repeat(80) }])).toContain(`${"x".repeat(80)}  RFC 4271 §6.2\n`);
    });

    it("stop a lab only as errors", () => {
        expect([finding, { ...finding, severity: "warning" as const }].map(isError)).toEqual([true, false]);
    });
});

describe("paths", () => {
    it("are written as pulumi config --path reads them", () => {
        expect(formatPath(["bgp-lab:lab", "services", 1, "addresses", 0])).toBe("bgp-lab:lab.services[1].addresses[0]");
        expect(formatPath(["cluster", "nodes", "lab.test-worker"])).toBe('cluster.nodes["lab.test-worker"]');
    });
});
