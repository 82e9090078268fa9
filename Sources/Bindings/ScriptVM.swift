import CResources
import LuaHost
import Tensors

extension LuaVM {
  /// An interpreter whose collector knows what tensors weigh, and which finds the library written in Lua inside
  /// this program.
  public static func forScripts(isStrict: Bool = true) throws -> LuaVM {
    try LuaVM(
      options: .init(
        nativeBytes: BufferPool.liveBytesAddress, isStrict: isStrict,
        module: { name in
          var length = 0
          guard let text = qr_lua_module(name, &length) else { return nil }
          return String(decoding: UnsafeRawBufferPointer(start: text, count: length), as: UTF8.self)
        }))
  }
}
