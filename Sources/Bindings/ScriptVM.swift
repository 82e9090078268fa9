import CResources
import LuaHost
import Tensors

extension LuaVM {
  /// An interpreter whose collector knows what tensors weigh, and which finds the library written in Lua inside
  /// this program: `require "qscript.fit"` is `Lua/fit.lua`.
  public static func forScripts(isStrict: Bool = true) throws -> LuaVM {
    try LuaVM(
      options: .init(
        nativeBytes: BufferPool.liveBytesAddress, isStrict: isStrict,
        module: { name in
          var length = 0
          guard name.hasPrefix("qscript."), let text = qr_lua_module(String(name.dropFirst(8)), &length)
          else { return nil }
          return String(decoding: UnsafeRawBufferPointer(start: text, count: length), as: UTF8.self)
        }))
  }
}
