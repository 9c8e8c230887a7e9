// A backend service through fhir-kit-client: node by_fhirkit.mjs BASE ASSERTION MODULES.
import assert from "node:assert";

const [base, assertion, modules] = process.argv.slice(2);
const { Client } = await import(`${modules}/fhir-kit-client/dist/index.js`);

const client = new Client({ baseUrl: base });
const { tokenUrl } = await client.smartAuthMetadata();
const answer = await fetch(tokenUrl, {
  method: "POST",
  body: new URLSearchParams({
    grant_type: "client_credentials",
    scope: "system/Patient.cruds",
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: assertion,
  }),
});
client.bearerToken = (await answer.json()).access_token;

const body = { resourceType: "Patient", name: [{ family: "Byfhirkit" }] };
const created = await client.create({ resourceType: "Patient", body });
const found = await client.search({
  resourceType: "Patient",
  searchParams: { family: "Byfhirkit" },
});
assert.deepEqual(found.entry.map((entry) => entry.resource.id), [created.id]);
created.gender = "other";
const updated = await client.update({ resourceType: "Patient", id: created.id, body: created });
assert.equal(updated.meta.versionId, "2");
await client.delete({ resourceType: "Patient", id: created.id });
