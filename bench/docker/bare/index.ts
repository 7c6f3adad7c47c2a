import { Provider } from "@pulumi/docker/provider";
import { Claim } from "../../../components/docker/resources";

/** The same two providers as a fabric, with nothing to make. */
new Provider("docker");
new Claim("claim", { networks: {}, containers: [], images: [] });
