/** Every range of AS numbers and of addresses that means something, at its edges. */

import { describe, expect, it } from "vitest";
import { validate } from "../../lab/rules";
import { lab } from "./labs";

/** What is said of a router's AS number. */
function saidOfAsn(asn: number): readonly string[] {
    const findings = validate(
        lab({}, (draft) => {
            draft.routers.router0!.bgp.asn = asn;
            for (const neighbor of draft.cluster.cilium!.bgp.flatMap(({ neighbors }) => neighbors)) {
                neighbor.remoteAsn = asn;
            }
        }),
    );
    return [...new Set(findings.map(({ id }) => id))];
}

/** What is said of a pool of load-balancer addresses. */
function saidOfPool(block: string): readonly string[] {
    const findings = validate(
        lab({}, (draft) => {
            draft.cluster.loadBalancerPools.push({ name: "more", blocks: [block] });
        }),
    );
    return [...new Set(findings.map(({ id }) => id))];
}

const reserved = ["BGP-ASN-001"];
const anybodys = ["BGP-ASN-002"];
const examples = ["BGP-ASN-003"];

describe("AS numbers", () => {
    it.each<[number, readonly string[]]>([
        [0, reserved],
        [1, anybodys],
        [23455, anybodys],
        [23456, reserved],
        [23457, anybodys],
        [64495, anybodys],
        [64496, examples],
        [64511, examples],
        [64512, []],
        [65534, []],
        [65535, reserved],
        [65536, examples],
        [65551, examples],
        [65552, reserved],
        [131071, reserved],
        [131072, anybodys],
        [4199999999, anybodys],
        [4200000000, []],
        [4294967294, []],
        [4294967295, reserved],
        [4294967296, ["BGP-FMT-001"]],
    ])("are told apart: %i", (asn, said) => {
        expect(saidOfAsn(asn)).toEqual(said);
    });
});

const unusable = ["ADR-USE-001"];
const linkLocal = ["ADR-USE-002"];
const documentation = ["ADR-USE-004"];
const others = ["ADR-USE-005"];
const sixToFour = ["ADR-USE-006"];
const shared = ["ADR-USE-007"];
const home = ["ADR-USE-008"];

describe("address ranges", () => {
    it.each<[string, readonly string[]]>([
        ["0.0.0.0/24", unusable],
        ["0.255.255.0/24", unusable],
        ["1.0.0.0/24", others],
        ["9.255.255.0/24", others],
        ["11.0.0.0/24", others],
        ["20.0.10.0/24", others],
        ["100.63.255.0/24", others],
        ["100.64.0.0/24", shared],
        ["100.127.255.0/24", shared],
        ["100.128.0.0/24", others],
        ["127.0.0.0/24", unusable],
        ["127.255.255.0/24", unusable],
        ["169.254.3.0/24", linkLocal],
        ["169.255.0.0/24", others],
        ["172.15.255.0/24", others],
        ["172.16.0.0/24", []],
        ["172.31.255.0/24", []],
        ["172.32.0.0/24", others],
        ["192.0.0.0/24", unusable],
        ["192.0.1.0/24", others],
        ["192.0.2.0/24", documentation],
        ["192.88.99.0/24", sixToFour],
        ["192.167.255.0/24", others],
        ["192.168.77.0/24", home],
        ["192.169.0.0/24", others],
        ["198.17.255.0/24", others],
        ["198.18.0.0/24", []],
        ["198.19.255.0/24", []],
        ["198.20.0.0/24", others],
        ["198.51.100.0/24", documentation],
        ["203.0.113.0/24", documentation],
        ["223.255.255.0/24", others],
        ["224.0.0.0/24", unusable],
        ["239.255.255.0/24", unusable],
        ["240.0.0.0/24", unusable],
        ["255.255.255.255/32", unusable],
        ["::/127", unusable],
        ["::ffff:10.0.0.0/120", unusable],
        ["2000::/64", others],
        ["2001:2::/64", []],
        ["2001:2:1::/64", others],
        ["2001:db7:ffff::/64", others],
        ["2001:db8::/64", documentation],
        ["2002::/64", sixToFour],
        ["2003::/64", others],
        ["2004::/64", others],
        ["3fff::/64", documentation],
        ["3fff:1000::/64", others],
        ["fbff:ffff::/64", others],
        ["fc00:1::/64", []],
        ["fdff:ffff::/64", []],
        ["fe80:0:0:7::/64", linkLocal],
        ["febf:ffff::/64", linkLocal],
        ["ff00::/64", unusable],
    ])("are told apart: %s", (block, said) => {
        expect(saidOfPool(block)).toEqual(said);
    });
});
