import Foundation
import Testing

@Suite struct ReplTests {
  let program: Program
  init() throws { program = try Program() }

  @Test func `a session shows values and outlives errors`() throws {
    let ending = try program.run(
      "repl",
      input: """
        1 + 1
        _ * 10
        x = {1, {a = "b"}}
        x
        for i = 1, 2 do
        print("line", i)
        end
        error("boom")
        nil, "text"
        undefined_name
        x[1]
        """)
    #expect(ending.code == 0)
    #expect(ending.output == "2\n20\n{1, {a = \"b\"}}\nline\t1\nline\t2\nnil\t\"text\"\n1\n")
    #expect(ending.errors == "qscript: stdin:1: boom\nqscript: stdin:1: undefined global 'undefined_name'\n")
  }

  @Test func `help explains a function`() throws {
    let output = try program.run("repl", input: "help(qs.run)\n").output
    #expect(output.hasPrefix("qs.run{"))
    #expect(output.contains("name"))
  }

  @Test func `os.exit ends a session`() throws {
    let ending = try program.run("repl", input: "os.exit(4)\nprint('never')\n")
    #expect(ending.code == 4)
    #expect(ending.output == "")
  }

  /// A session on a terminal, typed by Python: what is seen on the screen.
  @Test func `a terminal has editing, completion, history and Ctrl-C`() throws {
    try program.write("type.py", Self.typist)
    let ending = try program.start(
      ["python3", "type.py", Program.path], environment: ["TERM": "xterm", "NO_COLOR": "1"],
      executable: "/usr/bin/env"
    ).wait()
    if ending.code == 127 { return print("python3 is not there: the session on a terminal is not tested") }
    #expect(ending.code == 0, "\(ending.errors)\n\(ending.output)")
    #expect(try program.read("qscript/history").contains("40"))
  }

  private static let typist = #"""
    import os, pty, select, sys, time

    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.argv[1], [sys.argv[1]])
    seen = b""

    def expect(text, keys=None):
        global seen
        if keys is not None:
            os.write(terminal, keys)
        deadline = time.time() + 20
        while text not in seen:
            if time.time() > deadline:
                sys.exit("waited for %r, saw %r" % (text, seen))
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    seen += os.read(terminal, 4096)
                except OSError:
                    sys.exit("ended before %r, saw %r" % (text, seen))
        seen = seen[seen.index(text) + len(text):]

    expect(b"> ")
    expect(b"42\r\n", b"40 + 2\n")                       # a value without print
    expect(b"3.0\r\n", b"math.sq\t(9)\n")               # completion
    expect(b"> ", b"")
    expect(b".. ", b"for i = 1, 1 do\n")                 # several lines
    expect(b"> ", b"\x03")                               # Ctrl-C gives the piece up
    expect(b"> ", b"garbage (((\x03")                    # and a line
    expect(b"2\r\n", b"1 + 1\n")
    expect(b"> ", b"")
    expect(b"\n", b"while true do end\n")
    time.sleep(0.3)
    expect(b"interrupted", b"\x03")                      # and a computation
    expect(b"> ", b"")
    expect(b"while true do end", b"\x1b[A")              # history
    expect(b"> ", b"\x03")
    expect(b"5\r\n", b"2 + 3\n")
    done, deadline = 0, time.time() + 20
    while not done:                                      # Ctrl-D ends; pressed before the editor has the terminal, it
        if time.time() > deadline:                       # is lost, as for a person
            sys.exit("Ctrl-D did not end the session")
        os.write(terminal, b"\x04")
        time.sleep(0.2)
        done, status = os.waitpid(child, os.WNOHANG)
    sys.exit(os.waitstatus_to_exitcode(status))
    """#
}
