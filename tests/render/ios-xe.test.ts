import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Lab, PeerGroup, Router } from "../../lab/model";
import { iosXeConfig } from "../../render/ios-xe";
import { planPodGateway, schema } from "../../stacks/pod-gateway";
import { expectGolden } from "../golden";
import { articleLeafSpine, articleVrfs, everything } from "./nos-labs";

function lines(text: string): string[] {
    return text.split("\n").filter((line) => line.trim() !== "" && line.trim() !== "!");
}

describe("the router of the article on Calico beside MetalLB", () => {
    const article = lines(readFileSync(join(__dirname, "fixtures", "ios-xe-csr1000v.txt"), "utf8"));
    const ours = lines(iosXeConfig(articleVrfs(), "csr1000v"));

    it("is the article's configuration, line by line, with what the article leaves out", () => {
        // The article shows Loopback1 only as a route of the VRF, and what is the default of a CSR1000v not at all.
        const loopback1 = [
            "interface Loopback1",
            " ip vrf forwarding k8s-metallb",
            " ip address 1.1.1.1 255.255.255.255",
        ];
        const start = ours.indexOf(loopback1[0]!);
        expect(ours.slice(start, start + loopback1.length)).toEqual(loopback1);
        const leftOut = new Set(["hostname csr1000v", " no shutdown", " bgp bestpath compare-routerid", "end"]);
        const rest = ours.filter((line, index) => !leftOut.has(line) && (index < start || index >= start + 3));
        expect(rest).toEqual(article);
    });

    it("brings its links up, which a new one has down", () => {
        expect(ours.filter((line) => line === " no shutdown")).toHaveLength(2);
    });
});

describe("any router", () => {
    it("without VRFs: sessions before the family, groups written out, routes and policy", () => {
        const base = articleLeafSpine("1.4.0").routers.leaf0!;
        const group: PeerGroup = {
            name: "spines",
            settings: {
                remoteAs: { kind: "external" },
                timers: { keepalive: 3, holdTime: 9, connectRetry: 5 },
                families: [
                    {
                        family: "ipv4",
                        localPreference: 200,
                        med: 10,
                        nextHopSelf: true,
                        prefixListIn: "nodes",
                        maximumPrefixes: 50,
                        keepRefused: true,
                    },
                ],
            },
        };
        const { router0 } = everything("1.4.0").routers;
        const router: Router = {
            ...base,
            sourceNat: [],
            prefixLists: router0!.prefixLists.filter(({ family }) => family === "ipv4"),
            staticRoutes: [
                { prefix: "0.0.0.0/0", via: { kind: "address", address: "10.1.10.2" } },
                { prefix: "10.98.0.0/15", via: { kind: "blackhole" } },
                { prefix: "10.100.0.0/25", via: { kind: "interface", interface: "net3" } },
            ],
            bgp: {
                ...base.bgp,
                clusterId: "10.1.5.9",
                maximumPaths: 8,
                peerGroups: [group],
                neighbors: base.bgp.neighbors.map((peer) =>
                    peer.remoteAsn === base.bgp.asn ? peer : { ...peer, session: { kind: "group", group: "spines" } },
                ),
            },
        };
        const lab: Lab = { ...articleLeafSpine("1.4.0"), routers: { leaf0: router } };
        expectGolden(join(__dirname, "golden", "ios-xe", "leaf0.txt"), iosXeConfig(lab, "leaf0"));
    });

    it("is refused with what the text cannot have", () => {
        expect(() => iosXeConfig(everything("1.4.0"), "router0")).toThrow(
            "routers.router0: the text for IOS-XE cannot have IPv6, BFD, source NAT",
        );
        expect(() => iosXeConfig(everything("1.4.0"), "router1")).toThrow("has no router router1");
        const pods = planPodGateway(schema.parse({ peering: "router", hijacks: ["10.244.0.0/24"] }));
        expect(() => iosXeConfig(pods, "router0")).toThrow("cannot have IPv6, neighbors by label");
        expect(() => iosXeConfig(pods, "loadbalancer-0")).toThrow("cannot have IPv6, a Pod around it, virtual servers");
        expect(() => iosXeConfig(pods, "rogue-0")).toThrow("a Pod around it, networks without a route to them");
    });
});
