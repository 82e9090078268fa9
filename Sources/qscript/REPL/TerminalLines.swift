import CEdit
import Foundation
import LuaHost

/// Lines of a terminal, with editing, history and completion.
final class TerminalLines: LineSource {
  private let vm: LuaVM
  private let history: String?
  private var editor: OpaquePointer?

  init(_ vm: LuaVM) {
    self.vm = vm
    history = HistoryFile.path
    editor = ce_open(
      { lines, editor, text, count in
        let text = String(decoding: UnsafeRawBufferPointer(start: text, count: count), as: UTF8.self)
        Unmanaged<TerminalLines>.fromOpaque(lines!).takeUnretainedValue().complete(text, in: editor!)
      }, Unmanaged.passUnretained(self).toOpaque())
    if let editor, let history { ce_load_history(editor, history) }
  }

  func next(prompt: String) -> LineAnswer {
    guard let editor else { return .end }
    var line: UnsafePointer<CChar>?
    switch ce_read(editor, prompt, &line) {
    case CE_LINE:
      guard let line else { return .end }
      let text = String(cString: line)
      remember(text)
      return .line(text)
    case CE_INTERRUPTED:
      print()
      return .interrupted
    default:
      print()
      return .end
    }
  }

  private func remember(_ line: String) {
    guard let editor, !line.allSatisfy(\.isWhitespace) else { return }
    ce_remember(editor, line)
    if let history { ce_save_history(editor, history) }
  }

  private func complete(_ text: String, in editor: OpaquePointer) {
    let completion = Completion(of: text, in: vm)
    ce_insert(editor, completion.insertion)
    if completion.insertion.isEmpty && completion.candidates.count > 1 {
      ce_list(editor, completion.columns(80))
    }
  }

  deinit { if let editor { ce_close(editor) } }
}
