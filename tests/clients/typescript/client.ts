// A client of Darkroom over the types that openapi-typescript makes from docs/openapi.json.
import createClient from "openapi-fetch";
import type { components, paths } from "./api";

export type Job = components["schemas"]["JobDocument"];

const client = createClient<paths>({
  baseUrl: "http://127.0.0.1:8080",
  headers: { Authorization: "Bearer dk_1" },
});

export async function run(prompt: string): Promise<string[]> {
  const submitted = await client.POST("/v1/jobs", {
    params: { header: { Prefer: "wait=30", "Idempotency-Key": "night-1" } },
    body: { model: "gpt-4o-image", prompt },
  });
  if (submitted.error) throw new Error(submitted.error.errors[0]?.message ?? submitted.error.detail);
  if (!("id" in submitted.data)) throw new Error("a batch");
  const waited = await client.GET("/v1/jobs/{job_id}", {
    params: { path: { job_id: submitted.data.id }, query: { wait: 30, after_revision: 1 } },
  });
  const job: Job | undefined = waited.data;
  return (job?.assets ?? []).map((asset) => asset.url);
}

export async function failed(campaign: string): Promise<Job[]> {
  const page = await client.GET("/v1/jobs", { params: { query: { campaign, limit: 200 } } });
  return (page.data?.data ?? []).filter((job) => job.status === "failed");
}
