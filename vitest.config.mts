import { defineConfig } from "vitest/config";

/** Tests that run whole labs need minutes on a busy machine; none of them asserts how long something takes. */
const wholeLabs = ["tests/e2e/**/*.test.ts", "tests/docker/**/*.test.ts", "tests/differential/**/*.test.ts"];

export default defineConfig({
    test: {
        // Each of two files may run a lab of its own at a time.
        maxWorkers: 2,
        projects: [
            {
                test: {
                    name: "parts",
                    include: ["tests/**/*.test.ts"],
                    exclude: wholeLabs,
                    setupFiles: ["tests/seed.ts"],
                    testTimeout: 30_000,
                    hookTimeout: 60_000,
                },
            },
            {
                test: {
                    name: "e2e",
                    include: wholeLabs,
                    setupFiles: ["tests/seed.ts"],
                    testTimeout: 180_000,
                    hookTimeout: 180_000,
                },
            },
        ],
    },
});
