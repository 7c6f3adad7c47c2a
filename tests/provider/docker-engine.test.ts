import { describe, expect, it } from "vitest";
import { canonicalSubnet } from "../../provider/docker/engine";

describe("subnets of networks that somebody made by hand", () => {
    it.each([
        ["fd00:172:27:0::/64", "fd00:172:27::/64"],
        ["FD00:0:0:1:0:0:0:0/64", "fd00:0:0:1::/64"],
        ["fd00:1::7/64", "fd00:1::/64"],
        ["10.1.2.3/24", "10.1.2.0/24"],
        ["172.18.0.0/16", "172.18.0.0/16"],
    ])("%s is read as %s", (typed, canonical) => {
        expect(canonicalSubnet(typed)).toBe(canonical);
    });
});
