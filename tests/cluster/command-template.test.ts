import { describe, expect, it } from "bun:test";
import fc from "fast-check";
import { CommandTemplateError, expandTemplate } from "../../lib/cluster/command-template.ts";

const expand = (template: string, values: Record<string, string>) =>
  expandTemplate(template, new Map(Object.entries(values)));

describe("a command's template", () => {
  it("gets plain values as they are", () => {
    expect(
      expand("/etc/failover.sh %d %h %p %D", { d: "1", h: "db-1.example", p: "5432", D: "/d" }),
    )
      .toBe("/etc/failover.sh 1 db-1.example 5432 /d");
    expect(expand("%h", { h: "fe80::1%eth0" })).toBe("fe80::1%eth0");
    expect(expand("--node=%d", { d: "1" })).toBe("--node=1");
  });

  it("gives an empty value as an empty argument", () => {
    expect(expand("s %m %H %r", { m: "-1", H: "", r: "" })).toBe(`s -1 "" ""`);
    expect(expand(`s "%H" '%r'`, { H: "", r: "" })).toBe(`s "" ''`);
  });

  it("keeps percent signs and leaves unknown places out", () => {
    expect(expand("date +%%H %x%", { H: "host" })).toBe("date +%H ");
    expect(expand("echo %h", { h: "%d", d: "1" })).toBe("echo %d");
  });

  it("quotes what is no plain word for the place it stands in", () => {
    expect(expand("s %h", { h: "a b; c" })).toBe("s 'a b; c'");
    expect(expand("s '%h'", { h: "it's" })).toBe(`s 'it'\\''s'`);
    expect(expand(`s "%h"`, { h: '$(x) "`' })).toBe('s "\\$(x) \\"\\`"');
  });

  it("is refused where quoting a value cannot be judged", () => {
    const templates = [
      'echo "$(echo %h)"',
      "echo `echo %h`",
      "cat <<X\n%h\nX",
      "true # %h",
      "echo $'%h'",
      "echo ${x:-%h}",
      "echo \\%h",
      "echo $%h",
    ];
    for (const template of templates) {
      expect(() => expand(template, { h: "a b" })).toThrow(CommandTemplateError);
      expect(expand(template, { h: "db1" })).toBe(template.replace("%h", "db1"));
    }
    expect(() => expand("s %h", { h: "a\0b" })).toThrow(CommandTemplateError);
  });

  it("gives every value to the shell as one word, whatever is in it", () => {
    const hostile = fc.string({
      unit: fc.constantFrom(..."ab '\"\\$`;&|()<>{}[]*?~#!=\n\t-%/:é".split("")),
      maxLength: 12,
    });
    const around = fc.constantFrom(
      (h: string) => `printf '%%s\\0' ${h}`,
      (h: string) => `printf '%%s\\0' "${h}"`,
      (h: string) => `printf '%%s\\0' '${h}'`,
      (h: string) => `x=1; printf "%%s\\0" x${h} "$x"y`,
      (h: string) => `printf '%%s\\0' "it's \\"${h}" '"' $HOME"${h}"`,
    );
    fc.assert(
      fc.property(hostile, around, (value, template) => {
        const text = expand(template("%h"), { h: value });
        const wanted = expand(template("%h"), { h: "MARK" });
        expect(words(text)).toEqual(
          words(wanted).map((word) => word.replaceAll("MARK", () => value)),
        );
      }),
      { numRuns: 150 },
    );
  });

  it("never lets a value run anything, whatever the template", () => {
    const piece = fc.constantFrom(..."%h ' \" \\ $ ` ( ) < { } # ; x = $( ${ << $' \n".split(" "));
    const template = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join("") + " %h");
    const attack = fc.constantFrom(
      "$(kill -9 $$)",
      "`kill -9 $$`",
      "; kill -9 $$; ",
      "'; kill -9 $$; '",
      '"; kill -9 $$; "',
      "\nkill -9 $$\n",
      "\\'; kill -9 $$; '",
    );
    fc.assert(
      fc.property(template, attack, (template, value) => {
        let text: string;
        try {
          text = expand(template, { h: value });
        } catch (error) {
          expect(error).toBeInstanceOf(CommandTemplateError);
          return;
        }
        expect(shell(text).signalCode ?? null).toBeNull();
      }),
      { numRuns: 300 },
    );
  });
});

function shell(text: string) {
  return Bun.spawnSync(["/bin/sh", "-c", text], {
    cwd: "/proc",
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    timeout: 5000,
  });
}

function words(text: string): string[] {
  return shell(text).stdout.toString().split("\0").slice(0, -1);
}
