import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { type HbaConnection, hbaRejection, matchHba, parseHba } from "../../lib/auth/hba.ts";

const noFiles = (path: string): string => {
  throw new Error(`no file ${path}`);
};

function rulesOf(text: string) {
  const { rules, problems } = parseHba(text, noFiles);
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  return rules;
}

const client = (changes: Partial<HbaConnection> = {}): HbaConnection => ({
  type: "host",
  tls: false,
  address: "10.1.2.3",
  database: "db",
  user: "alice",
  ...changes,
});

/** The method of the deciding line; "none", or "needs-name". */
function decide(text: string, connection: HbaConnection): string {
  const match = matchHba(rulesOf(text), connection);
  return match.kind === "rule" ? match.rule.method : match.kind;
}

function errorOf(text: string): string {
  const { rules, problems } = parseHba(text, noFiles);
  expect(rules).toEqual([]);
  expect(problems.map(({ severity }) => severity)).toEqual(["error"]);
  return problems[0]?.message ?? "";
}

describe("pool_hba.conf lines", () => {
  it("may hold comments, lists, quotes, tabs and continued lines", () => {
    const rules = rulesOf(
      'host\tdb1,db2, "all"  "a ""b""",bob 10.0.0.0/8 \\\r\n md5 # rest\n\n# nothing\nlocal all all trust\n',
    );
    expect(rules).toHaveLength(2);
    expect(rules[0]?.databases).toEqual([
      { text: "db1", quoted: false },
      { text: "db2", quoted: false },
      { text: "all", quoted: true },
    ]);
    expect(rules[0]?.users.map(({ text }) => text)).toEqual(['a "b"', "bob"]);
    expect(rules[0]?.method).toBe("md5");
    expect(rules.map(({ line }) => line)).toEqual([1, 5]);
  });

  it("may name files whose words they use, relative to the file that names them", () => {
    const files = new Map([
      ["/etc/pool/users", "alice, bob # two\n@more/rest\n"],
      ["/etc/pool/more/rest", '"carol"\n@last'],
      ["/etc/pool/more/last", "dave"],
      ["/etc/pool/loop", "@loop"],
    ]);
    const read = (path: string) => files.get(path) ?? noFiles(path);
    const parse = (text: string) => parseHba(text, read, "/etc/pool/pool_hba.conf");
    const users = parse("local all @users,eve trust").rules[0]?.users.map(({ text }) => text);
    expect(users).toEqual(["alice", "bob", "carol", "dave", "eve"]);
    expect(parse('local all "@users" trust').rules[0]?.users[0]?.text).toBe("@users");
    expect(parse("local all @missing trust\nlocal all all trust")).toMatchObject({
      rules: [{ line: 2 }],
      problems: [{ line: 1, severity: "error" }],
    });
    expect(parse("local all @loop trust").problems[0]?.message).toContain("nesting depth");
  });

  it.each([
    ["hostx all all all md5", 'invalid connection type "hostx"'],
    ["host,local all all all md5", "multiple values specified for connection type"],
    ["host all", "end of line before role"],
    ["host all all", "end of line before IP address"],
    ["host all all all", "end of line before authentication method"],
    ["host all all 10.0.0.1 md5", 'invalid IP mask "md5"'],
    ["host all all 10.0.0.1 ffff:: md5", "do not match"],
    ["host all all 10.0.0.0/33 md5", "invalid CIDR mask"],
    ["host all all 10.0.0.0/x md5", "invalid CIDR mask"],
    ["host all all example.com/8 md5", "both host name and CIDR mask"],
    ["host all all 10.0.0 md5", "invalid IP address"],
    ["host all all all ident", 'invalid authentication method "ident"'],
    ["host all all all cert", "only supported on hostssl"],
    ["local all all md5 x", "name=value"],
    ["local all all md5 pamservice=x", "not valid for method md5"],
    ["local all /^a trust", "regular expressions are not supported"],
  ])("%s is an error", (text, message) => {
    expect(errorOf(text)).toContain(message);
  });

  it("with pam and ldap are kept, with their options, and announced as not available", () => {
    const { rules, problems } = parseHba("local all all pam pamservice=x\n", noFiles);
    expect(rules[0]?.options.get("pamservice")).toBe("x");
    expect(problems).toMatchObject([{ line: 1, severity: "warning" }]);
    expect(problems[0]?.message).toContain("pam is not available yet");
  });

  it("with keywords that match nothing are kept and announced", () => {
    const text = "local samerole,replication +admins trust\nhostgssenc all all all trust";
    const { rules, problems } = parseHba(text, noFiles);
    expect(rules).toHaveLength(2);
    expect(problems.map(({ severity }) => severity)).toEqual(Array(4).fill("warning"));
  });

  it("of any text are parsed without surprises", () => {
    const word = fc.constantFrom(
      "local",
      "host",
      "all",
      "10.0.0.1/8",
      '"',
      ",",
      "@x",
      "\\",
      "\n",
      "#",
      "::1",
      "md5",
      "a=b",
      ".x",
    );
    fc.assert(fc.property(fc.array(fc.oneof(word, fc.string())), (words) => {
      const { rules } = parseHba(words.join(" "), noFiles);
      matchHba(rules, client());
    }));
  });

  it("of the sample let local users in", () => {
    const sample = readFileSync(
      new URL("../../conf/pool_hba.conf.sample", import.meta.url),
      "utf8",
    );
    expect(parseHba(sample, noFiles).problems).toEqual([]);
    expect(decide(sample, client({ type: "local", address: undefined }))).toBe("trust");
    expect(decide(sample, client({ address: "127.0.0.1" }))).toBe("trust");
    expect(decide(sample, client())).toBe("none");
  });
});

describe("matching", () => {
  it("takes the first line that fits", () => {
    const text = "host db alice all md5\nhost all all all reject\nhost all all all trust";
    expect(decide(text, client())).toBe("md5");
    expect(decide(text, client({ user: "bob" }))).toBe("reject");
    expect(decide(text, client({ type: "local" }))).toBe("none");
    expect(decide("", client())).toBe("none");
  });

  it("tells sockets, TLS and plain connections apart", () => {
    const text = "local all all trust\nhostssl all all all cert\nhostnossl all all all md5";
    expect(decide(text, client({ type: "local" }))).toBe("trust");
    expect(decide(text, client({ tls: true }))).toBe("cert");
    expect(decide(text, client())).toBe("md5");
    expect(decide("hostgssenc all all all md5\nhostnogssenc all all all trust", client()))
      .toBe("trust");
  });

  it("knows all, sameuser and quoted names", () => {
    expect(decide("host sameuser all all md5", client({ database: "alice" }))).toBe("md5");
    expect(decide("host sameuser all all md5", client())).toBe("none");
    expect(decide('host "all" all all md5', client())).toBe("none");
    expect(decide('host "all" all all md5', client({ database: "all" }))).toBe("md5");
    expect(decide('host all "all" all md5', client())).toBe("none");
    expect(decide("host samerole,replication +alice all md5", client({ database: "samerole" })))
      .toBe("none");
    expect(decide('host all "+x" all md5', client({ user: "+x" }))).toBe("md5");
  });

  it.each([
    ["10.1.2.3/32", "10.1.2.3", true],
    ["10.1.2.3/32", "10.1.2.4", false],
    ["10.1.0.0/16", "10.1.255.255", true],
    ["10.1.0.0/15", "10.0.9.9", true],
    ["0.0.0.0/0", "1.2.3.4", true],
    ["0.0.0.0/0", "::1", false],
    ["::/0", "1.2.3.4", false],
    ["10.1.2.0 255.255.255.0", "10.1.2.9", true],
    ["10.1.2.0 255.255.255.0", "10.1.3.9", false],
    ["10.0.2.0 255.0.255.0", "10.77.2.9", true],
    ["10.1.2.0/24", "::ffff:10.1.2.9", true],
    ["::ffff:10.1.2.0/120", "10.1.2.9", true],
    ["::ffff:10.1.2.0/120", "10.1.3.9", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["2001:db8::/32", "2001:DB8:1::5", true],
    ["2001:db8::/33", "2001:db8:8000::", false],
    ["::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1", true],
  ])("address %s and client %s: %p", (range, address, fits) => {
    expect(decide(`host all all ${range} md5`, client({ address }))).toBe(fits ? "md5" : "none");
  });

  it("asks for the client's name only when a line needs it", () => {
    const text = "host db bob db.example.com reject\nhost all all .Example.com md5\n" +
      "host all all 10.0.0.0/8 trust";
    expect(decide(text, client())).toBe("needs-name");
    expect(decide(text, client({ hostName: "A.EXAMPLE.COM" }))).toBe("md5");
    expect(decide(text, client({ hostName: "example.com" }))).toBe("trust");
    expect(decide(text, client({ hostName: "badexample.com" }))).toBe("trust");
    expect(decide(text, client({ hostName: null }))).toBe("trust");
    expect(decide(text, client({ user: "bob", hostName: "db.example.com" }))).toBe("reject");
    expect(decide("host x all h md5\nhost all all 10.0.0.0/8 trust", client())).toBe("trust");
  });

  it("knows this machine and its networks", () => {
    const localAddresses = [
      { address: "10.1.2.3", netmask: "255.255.255.0" },
      { address: "fe80::1", netmask: "ffff:ffff:ffff:ffff::" },
    ];
    const text = "host all all samehost trust\nhost all all samenet md5";
    expect(decide(text, client({ localAddresses }))).toBe("trust");
    expect(decide(text, client({ localAddresses, address: "10.1.2.4" }))).toBe("md5");
    expect(decide(text, client({ localAddresses, address: "fe80::2" }))).toBe("md5");
    expect(decide(text, client({ localAddresses, address: "10.1.3.4" }))).toBe("none");
    expect(decide(text, client())).toBe("none");
  });

  it("is refused with the reference's text", () => {
    expect(hbaRejection(client({ tls: true }))).toMatchObject({
      sqlstate: "28000",
      message: "client authentication failed",
      detail: 'no pool_hba.conf entry for host "10.1.2.3", user "alice", database "db", SSL on',
      hint: "see pgpool log for details",
    });
  });
});
