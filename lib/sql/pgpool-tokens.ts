/** Kinds of tokens in pgpool's own commands. */
export const Token = {
  /** A key word or plain name, in lower case. */
  Word: 0,
  /** A name in double quotes. */
  Quoted: 1,
  String: 2,
  Number: 3,
  /** One other character. */
  Sign: 4,
  /** End of the text or of its first statement. */
  End: 5,
} as const;

/** A token and its text, without quotes. */
export interface TokenText {
  readonly type: typeof Token[keyof typeof Token];
  readonly text: string;
}

const END: TokenText = { type: Token.End, text: "" };
const BLANK = /[ \t-\r]+|--[^\n\r]*/y;
const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const QUOTED = /"((?:[^"]|"")+)"/y;
const STRING = /'((?:[^']|'')*)'/y;
const ESCAPED = /[eE]'((?:[^'\\]|''|\\[^])*)'/y;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w$.])/y;
const ESCAPES: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/** Splits the first statement of a text into tokens, as PostgreSQL would. */
export class Tokenizer {
  #at = 0;

  constructor(readonly text: string) {}

  /** The next token, which stays the next one. */
  peek(): TokenText {
    const at = this.#at;
    const token = this.next();
    this.#at = at;
    return token;
  }

  /** The next token. */
  next(): TokenText {
    this.#skipBlank();
    if (this.#at >= this.text.length || this.text[this.#at] === ";") return END;
    const escaped = this.#take(ESCAPED);
    if (escaped !== undefined) {
      const text = escaped.replaceAll(/''|\\([^])/g, (pair, each: string | undefined) => {
        return each === undefined ? pair.slice(1) : ESCAPES[each] ?? each;
      });
      return { type: Token.String, text };
    }
    const word = this.#take(WORD);
    if (word !== undefined) return { type: Token.Word, text: lowerAscii(word) };
    const quoted = this.#take(QUOTED);
    if (quoted !== undefined) return { type: Token.Quoted, text: quoted.replaceAll('""', '"') };
    const string = this.#take(STRING);
    if (string !== undefined) return { type: Token.String, text: string.replaceAll("''", "'") };
    const number = this.#take(NUMBER);
    if (number !== undefined) return { type: Token.Number, text: number };
    return { type: Token.Sign, text: this.text.charAt(this.#at++) };
  }

  /** The next token if it is a word, in lower case. */
  word(): string | undefined {
    const token = this.next();
    return token.type === Token.Word ? token.text : undefined;
  }

  /** The next token if it is a name, with quotes or without. */
  name(): string | undefined {
    const token = this.next();
    return token.type === Token.Word || token.type === Token.Quoted ? token.text : undefined;
  }

  /** The next tokens if they are a value: a word, a name, a string, or a number with its sign. */
  value(): string | undefined {
    const token = this.next();
    if (token.type === Token.End) return undefined;
    if (token.type !== Token.Sign) return token.text;
    if (token.text !== "-" && token.text !== "+") return undefined;
    const number = this.next();
    if (number.type !== Token.Number) return undefined;
    return token.text === "-" ? `-${number.text}` : number.text;
  }

  /** Skips a sign if it comes next. */
  skipSign(sign: string): boolean {
    const token = this.peek();
    if (token.type !== Token.Sign || token.text !== sign) return false;
    this.next();
    return true;
  }

  /** Whether the first statement ends here. */
  atEnd(): boolean {
    return this.peek().type === Token.End;
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match[1] ?? match[0];
  }

  #skipBlank(): void {
    for (;;) {
      BLANK.lastIndex = this.#at;
      if (BLANK.test(this.text)) this.#at = BLANK.lastIndex;
      else if (this.text.startsWith("/*", this.#at)) this.#skipComment();
      else return;
    }
  }

  /** Block comments may hold others. */
  #skipComment(): void {
    let depth = 0;
    do {
      if (this.text.startsWith("/*", this.#at)) depth++;
      else if (this.text.startsWith("*/", this.#at)) depth--;
      else {
        this.#at++;
        continue;
      }
      this.#at += 2;
    } while (depth > 0 && this.#at < this.text.length);
  }
}

/** Names are folded as the server folds them: letters of ASCII alone. */
function lowerAscii(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
