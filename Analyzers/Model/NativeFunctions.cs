// Functions of operating systems that only look at what they are given, or fill it: they return when they are done, keep no pointer and free none. What an
// import declares does not say so, and most native functions may do either, so these are known by name and library. Left out is what takes a pointer in
// (SetSecurityDescriptorDacl, BCryptCreateHash, RegisterDeviceNotification), frees it, or goes on after it has returned.

using Microsoft.CodeAnalysis;

namespace KAlloc.Analyzers.Model;

internal static class NativeFunctions
{
    private static readonly HashSet<string> s_libraries = WordsOf(
        "kernel32 kernelbase advapi32 sechost ntdll secur32 sspicli iphlpapi setupapi cfgmgr32 hid winspool crypt32 user32 psapi gdi32 bcrypt ncrypt netapi32 wtsapi32 mpr shell32 version ws2_32 msvcrt ucrtbase libc c libSystem");

    // Without the A or W of the two kinds of text.
    private static readonly HashSet<string> s_lookers = WordsOf(
        """
        GetTokenInformation SetTokenInformation AdjustTokenPrivileges PrivilegeCheck AccessCheck LookupPrivilegeName LookupPrivilegeDisplayName LookupAccountSid LookupAccountName
        ConvertSidToStringSid CreateWellKnownSid CopySid EqualSid IsValidSid GetLengthSid IsWellKnownSid GetSidSubAuthorityCount LsaGetLogonSessionData LsaCallAuthenticationPackage
        LsaLookupAuthenticationPackage LsaLookupSids LsaAddAccountRights LsaRemoveAccountRights LsaEnumerateAccountRights
        IsValidSecurityDescriptor GetSecurityDescriptorLength ConvertSecurityDescriptorToStringSecurityDescriptor MakeSelfRelativeSD GetKernelObjectSecurity GetFileSecurity
        SetKernelObjectSecurity SetFileSecurity SetSecurityInfo SetNamedSecurityInfo GetUserObjectSecurity QueryServiceObjectSecurity SetServiceObjectSecurity
        QueryServiceConfig QueryServiceConfig2 ChangeServiceConfig2 QueryServiceStatusEx EnumServicesStatus EnumServicesStatusEx EnumDependentServices
        RegQueryValueEx RegGetValue RegSetValueEx RegEnumKeyEx RegEnumValue RegQueryInfoKey
        CryptGetProvParam CryptGetKeyParam CryptSetKeyParam CryptGetHashParam CryptHashData CryptGenRandom CryptEncrypt CryptDecrypt CryptExportKey CryptImportKey
        CryptDecodeObject CryptDecodeObjectEx CryptEncodeObject CryptMsgGetParam CertGetNameString CertGetCertificateContextProperty CryptBinaryToString CryptStringToBinary
        BCryptGetProperty BCryptSetProperty BCryptGenRandom BCryptHashData BCryptFinishHash BCryptEncrypt BCryptDecrypt BCryptExportKey NCryptGetProperty NCryptSetProperty
        ReadProcessMemory WriteProcessMemory GetLogicalProcessorInformation GetLogicalProcessorInformationEx GetVolumeInformation GetSystemFirmwareTable EnumSystemFirmwareTables
        QueryInformationJobObject SetInformationJobObject GetFileInformationByHandleEx SetFileInformationByHandle QueryDosDevice GetLogicalDriveStrings GetModuleFileName
        GetModuleInformation GetModuleBaseName GetModuleFileNameEx EnumProcesses EnumProcessModules EnumProcessModulesEx GetProcessImageFileName QueryWorkingSetEx VirtualQuery VirtualQueryEx
        NtQuerySystemInformation NtQueryInformationProcess NtQueryInformationThread NtQueryInformationToken NtQueryObject NtQuerySecurityObject NtQueryKey NtQueryValueKey NtEnumerateKey
        NtEnumerateValueKey NtSetValueKey NtQueryInformationFile NtQueryVolumeInformationFile NtQueryDirectoryObject NtQueryVirtualMemory NtReadVirtualMemory NtWriteVirtualMemory
        NtQuerySymbolicLinkObject NtQuerySection ZwQuerySystemInformation ZwQueryInformationProcess ZwQueryObject
        GetAdaptersInfo GetAdaptersAddresses GetNetworkParams GetPerAdapterInfo GetInterfaceInfo GetIfTable GetIpAddrTable GetIpNetTable GetIpForwardTable GetTcpTable GetUdpTable
        GetTcp6Table GetTcpTable2 GetTcp6Table2 GetUdp6Table GetExtendedTcpTable GetExtendedUdpTable GetOwnerModuleFromTcpEntry SendARP IcmpSendEcho
        SetupDiGetDeviceInterfaceDetail SetupDiGetDeviceRegistryProperty SetupDiSetDeviceRegistryProperty SetupDiGetDeviceProperty SetupDiGetDeviceInstanceId SetupDiGetClassProperty
        CM_Get_Device_ID CM_Get_Device_ID_List CM_Get_Device_Interface_List CM_Get_DevNode_Property CM_Get_DevNode_Registry_Property
        HidD_GetFeature HidD_SetFeature HidD_GetInputReport HidD_SetOutputReport HidD_GetAttributes HidD_GetManufacturerString HidD_GetProductString HidD_GetSerialNumberString
        HidD_GetIndexedString HidP_GetCaps HidP_GetButtonCaps HidP_GetValueCaps HidP_GetUsages HidP_GetUsageValue
        EnumPrinters GetPrinter SetPrinter GetPrinterData EnumJobs GetJob SetJob WritePrinter EnumPrinterDrivers GetPrinterDriver EnumPorts EnumForms DocumentProperties
        GetRawInputData GetRawInputDeviceInfo GetRawInputDeviceList GetUserObjectInformation DisplayConfigGetDeviceInfo QueryDisplayConfig
        GetOutlineTextMetrics GetFontData GetDIBits GetBitmapBits SetBitmapBits GetRegionData GetEnhMetaFileBits
        NetUserAdd NetUserSetInfo NetLocalGroupAdd NetLocalGroupAddMembers NetLocalGroupDelMembers NetShareAdd NetShareSetInfo WNetEnumResource WTSSetSessionInformation
        SHGetPathFromIDList GetFileVersionInfo
        RtlMoveMemory RtlCopyMemory CopyMemory MoveMemory RtlZeroMemory ZeroMemory RtlFillMemory FillMemory RtlCompareMemory lstrlen
        memcpy memmove memset memcmp strlen uname getcwd readlink stat fstat lstat sysctl sysctlbyname getsockopt setsockopt
        """);

    // They go on after they have returned, if the last argument says where to tell of it.
    private static readonly HashSet<string> s_overlapped = WordsOf("DeviceIoControl ReadFile WriteFile");

    /// <summary>The function keeps and frees none of the pointers that it gets by value; of some, as long as their last argument is null.</summary>
    internal static bool OnlyLooks(IMethodSymbol method, out bool unlessLast)
    {
        unlessLast = false;
        if (!TryImport(method, out string? library, out string? name) || library is null || name is null) return false;
        unlessLast = s_overlapped.Contains(name);
        return (unlessLast || s_lookers.Contains(name) || (name[name.Length - 1] is 'A' or 'W' && s_lookers.Contains(name.Substring(0, name.Length - 1)))) && s_libraries.Contains(WithoutEnding(library));
    }

    private static bool TryImport(IMethodSymbol method, out string? library, out string? name)
    {
        (library, name) = (null, method.Name);
        if (method.IsExtern && method.GetDllImportData() is { } import)
        {
            (library, name) = (import.ModuleName, import.EntryPointName ?? name);
            return true;
        }

        if (!method.IsPartialDefinition) return false;
        foreach (AttributeData attribute in method.GetAttributes())
        {
            if (attribute is not { AttributeClass.Name: "LibraryImportAttribute", ConstructorArguments: [{ Value: string from }, ..] }) continue;
            library = from;
            foreach (KeyValuePair<string, TypedConstant> argument in attribute.NamedArguments)
                if (argument is { Key: "EntryPoint", Value.Value: string entry }) name = entry;
            return true;
        }

        return false;
    }

    private static string WithoutEnding(string library)
    {
        foreach (string ending in (ReadOnlySpan<string>)[".dll", ".drv", ".so.6", ".so", ".dylib"])
            if (library.EndsWith(ending, StringComparison.OrdinalIgnoreCase)) return library.Substring(0, library.Length - ending.Length);
        return library;
    }

    private static HashSet<string> WordsOf(string text) => new(text.Split([' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries), StringComparer.OrdinalIgnoreCase);
}
