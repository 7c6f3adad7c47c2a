import { describe, expect, it } from "vitest";
import { metallbChartValues } from "../../render/charts";
import { sidecarProcess } from "../../render/docker";
import { mergeValues } from "../../render/helm";
import { planLeafSpine, schema } from "../../stacks/leaf-spine";

const lab = planLeafSpine(schema.parse({ loadBalancer: "metallb" }));

describe("values of charts", () => {
    it("are merged mapping by mapping; anything else is replaced", () => {
        const under = { a: { b: 1, c: [1, 2] }, d: "x" };
        expect(mergeValues(under, { a: { c: [3] }, e: {} })).toEqual({ a: { b: 1, c: [3] }, d: "x", e: {} });
    });

    it("name MetalLB's images in two parts, which the chart puts together with a colon", () => {
        const digest = "a".repeat(64);
        const images = { controller: "registry:5000/m/controller:v0.16.1", speaker: `m/speaker@sha256:${digest}` };
        const { controller, speaker } = metallbChartValues(lab, { images }) as Record<
            "controller" | "speaker",
            { readonly image: { readonly repository: string; readonly tag: string } }
        >;
        expect(`${controller.image.repository}:${controller.image.tag}`).toBe(images.controller);
        expect(controller.image.tag).toBe("v0.16.1");
        expect(`${speaker.image.repository}:${speaker.image.tag}`).toBe(images.speaker);
    });

    it("leave FRR out of a MetalLB that speaks no BGP, and take what the stack says over that", () => {
        expect(metallbChartValues(lab)).toMatchObject({
            speaker: { frr: { enabled: false } },
            frrk8s: { enabled: false },
        });
        expect(metallbChartValues(lab, { values: { frrk8s: { enabled: true } } })).toMatchObject({
            frrk8s: { enabled: true },
        });
    });
});

describe("a sidecar", () => {
    it("hides sources by nft, or else by iptables, and does it once however often it starts", () => {
        const [script = ""] = sidecarProcess([{ interface: "eth0", source: "10.1.0.0/16" }]).command;
        expect(script).toContain('ip saddr 10.1.0.0/16 oifname "eth0" masquerade');
        expect(script).toMatch(/table inet bgp-lab\ndelete table inet bgp-lab\ntable inet bgp-lab \{/);
        const rule = "POSTROUTING -s 10.1.0.0/16 -o eth0 -j MASQUERADE";
        expect(script).toContain(`iptables -t nat -C ${rule} 2>/dev/null || iptables -t nat -A ${rule} || exit 1`);
        expect(sidecarProcess().command[0]).not.toContain("nft");
    });
});
