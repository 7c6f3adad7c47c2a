import { afterAll, describe, expect, it } from "vitest";
import { createLab } from "./lab";
import { added, tracesOf } from "./traces";

describe("a configuration that cannot become a lab", () => {
    const lab = createLab("e2e-refusals");
    const before = tracesOf(lab);
    /** What is wrong with it, by where. */
    const causes = {
        "bgp-lab:lab.workers": /251/,
        "bgp-lab:lab.nodeAsn": /float|number|ASN|AS /,
        "bgp-lab:lab.serviceCidrs[0]": /10\.101\.0\.0\/16/,
        "bgp-lab:lab.nodeTimers.keepalive": /keepalive/,
        "bgp-lab:lab.wokers": /wokers/,
        "bgp-lab:embedded.speaker": /quagga/,
    };

    lab.configure({
        embedded: { speaker: "quagga" },
        lab: {
            workers: 251,
            wokers: 3,
            nodeAsn: 1.1,
            podCidrs: ["10.101.0.0/16", "fd00:10:255::/48"],
            nodeTimers: { holdTime: 30, keepalive: 60, connectRetry: 120 },
        },
    });

    afterAll(() => lab.dispose());

    it.each(["preview", "up"])("is refused by %s with every cause and nothing created", async (verb) => {
        const { code, stdout, stderr } = await lab.run(verb);
        expect(code).not.toBe(0);
        const said = (stdout + stderr).replaceAll(/\s+/g, " ");
        for (const [where, what] of Object.entries(causes)) {
            expect(said).toContain(where);
            expect(said).toMatch(what);
        }
        expect((await lab.resources()).filter(({ type }) => type.startsWith("bgplab:"))).toEqual([]);
        expect(added(before, tracesOf(lab))).toEqual([]);
    });

    it("leaves a running lab alone", async () => {
        const broken = createLab("e2e-refusals-later");
        try {
            broken.configure({ lab: { workers: 1 } });
            await broken.succeed("up");
            const resources = await broken.resources();
            const running = tracesOf(broken).processes;
            broken.configure({ lab: { workers: 0 } });
            expect((await broken.run("up", "--refresh")).code).not.toBe(0);
            expect(tracesOf(broken).processes).toEqual(running);
            expect(await broken.resources()).toEqual(resources);
            broken.configure({ lab: { workers: 1 } });
            await broken.succeed("up", "--refresh", "--expect-no-changes");
        } finally {
            await broken.dispose();
        }
    });
});

describe("a lab in Docker on the embedded engine", () => {
    const lab = createLab("e2e-refusals-docker");

    afterAll(() => lab.dispose());

    it.each(["preview", "up"])(
        "is refused by %s, which says what it needs and makes no resource of it",
        async (verb) => {
            lab.configure({ runtime: "docker" });
            const { code, stdout, stderr } = await lab.run(verb);
            expect(code).toBe(1);
            const said = (stdout + stderr).replaceAll(/\s+/g, " ");
            expect(said.match(/error:/g)).toHaveLength(1);
            expect(said).toMatch(/bgp-lab:runtime is docker, which the embedded engine cannot run/);
            for (const needed of ["get.pulumi.com", "docs.docker.com/engine/install", "kind.sigs.k8s.io"]) {
                expect(said).toContain(needed);
            }
            const types = (await lab.resources()).map(({ type }) => type);
            expect(types.filter((type) => type !== "pulumi:pulumi:Stack")).toEqual([]);
        },
    );

    it("hears first what is wrong with its configuration", async () => {
        lab.configure({ runtime: "docker", lab: { workers: 251 } });
        const { code, stdout, stderr } = await lab.run("preview");
        expect(code).toBe(1);
        expect(stdout + stderr).toContain("bgp-lab:lab.workers");
        expect(stdout + stderr).not.toContain("get.pulumi.com");
    });
});
