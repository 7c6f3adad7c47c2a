import { describe, expect, it } from "vitest";
import { executable, missing, missingPackages } from "../../provider/daemons/needs";

describe("missing", () => {
    it("names what is not there and the one command that installs it", () => {
        expect(missing((path) => !/(bgpd|staticd|gobgpd)$/.test(path))).toEqual([
            "bgpd, staticd, gobgpd not found; install with " +
                "`sudo apt-get install -y --no-install-recommends frr gobgpd`",
        ]);
    });

    it("is silent when all is there", () => {
        expect(missing(() => true)).toEqual([]);
    });

    it("finds what is installed outside of Debian's folders by PATH", () => {
        const folder = process.env.PATH?.split(":")[0];
        expect(missingPackages((path) => path.startsWith(`${folder}/`))).toEqual([]);
    });
});

describe("executable", () => {
    it("finds FRR's daemons, which are in no PATH", () => {
        expect(executable("zebra")).toMatch(/\/frr\/zebra$/);
    });

    it("says how to install what is not there", () => {
        expect(() => executable("no-such-daemon")).toThrow("no-such-daemon is not installed; install it with");
    });
});
