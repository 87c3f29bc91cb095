"""What designers' shorthand means: the words behind the pieces of a table's or column's name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


def _pairs(text: str) -> Mapping[str, str]:
    found = (item.split("=") for item in " ".join(text.split()).split(",") if "=" in item)
    return MappingProxyType({short.strip(): long.strip() for short, long in found})


# A piece that stands between other pieces or alone.
ABBREVIATIONS = _pairs(
    """
    abbr=abbreviation, abbrev=abbreviation, acc=account, acct=account, actv=active,
    addr=address, adm=admission, admin=administrator, adr=address, agmt=agreement,
    alt=alternative, amt=amount, approx=approximate, appt=appointment, apt=apartment,
    arr=arrival, attr=attribute, auth=authorization, avail=available, avg=average, bal=balance,
    bdate=birth date, bday=birthday, bld=building, bldg=building, bp=blood pressure, br=branch,
    brnch=branch, byear=birth year, calc=calculated, cap=capacity, cat=category, categ=category,
    cd=code, cert=certificate, chg=charge, chk=check, cl=class, cls=class, cmp=company,
    cmpny=company, cnt=count, cntr=center, cntry=country, cod=code, coll=college,
    comm=commission, comp=company, conf=conference, config=configuration, cont=continent,
    corp=corporation, cpty=counterparty, crd=credit, crs=course, ctry=country, cty=city,
    cur=currency, curr=current, cust=customer, custno=customer number, cyl=cylinder,
    db=database, def=default, del=delivery, deliv=delivery, dep=department, dept=department,
    depts=departments, desc=description, descr=description, dest=destination, dev=device,
    diff=difference, dim=dimension, disc=discount, dist=distance, distrib=distribution,
    div=division, dlvry=delivery, dno=department number, dob=date of birth, doc=document,
    docs=documents, dod=date of death, dpt=department, dstn=destination, dt=date, dte=date,
    dur=duration, edu=education, eff=effective, elev=elevation, emp=employee, empl=employee,
    emps=employees, eng=engine, env=environment, eq=equipment, equip=equipment, est=estimated,
    evt=event, exch=exchange, exp=expiry, ext=extension, fac=faculty, fam=family, fname=first
    name, freq=frequency, gdp=gross domestic product, gend=gender, geo=geographic, gnp=gross
    national product, gov=government, govt=government, grp=group, gst=guest, hosp=hospital,
    hq=headquarters, hqtrs=headquarters, hr=hour, hrs=hours, ht=height, img=image, inc=income,
    ind=indicator, indep=independence, info=information, init=initial, ins=insurance,
    insp=inspection, inst=institution, instr=instructor, int=interest, intl=international,
    inv=invoice, invc=invoice, itm=item, lang=language, langs=languages, lat=latitude,
    lbl=label, len=length, lmt=limit, ln=line, lname=last name, lng=longitude, loc=location,
    locn=location, lon=longitude, lvl=level, maj=major, manuf=manufacturer, mat=material,
    max=maximum, mbr=member, med=medicine, mem=member, mfg=manufacturing, mfr=manufacturer,
    mgmt=management, mgr=manager, mid=middle, min=minimum, misc=miscellaneous, mkt=market,
    mname=middle name, mng=manager, mngr=manager, mnth=month, mo=month, mod=modified, mpg=miles
    per gallon, msg=message, mth=month, nat=national, nbr=number, neighbourhd=neighbourhood,
    nm=name, no=number, nr=number, num=number, obs=observation, occ=occupation, ofc=office,
    op=operation, opt=option, ord=order, ordr=order, org=organization, orgn=origin, orig=origin,
    own=owner, param=parameter, pat=patient, pct=percent, perc=percent, perf=performance,
    pers=person, pgm=program, ph=phone, phn=phone, phys=physician, pic=picture, pkg=package,
    plc=place, pmnt=payment, pmt=payment, pno=product number, pop=population, pos=position,
    postcode=postal code, prc=price, prd=product, pref=preference, prev=previous, pric=price,
    proc=procedure, prod=product, prof=professor, prog=program, proj=project, prop=property,
    pt=point, ptnt=patient, pts=points, pub=publication, purch=purchase, pwd=password,
    qnty=quantity, qty=quantity, qual=qualification, quant=quantity, rcpt=receipt, rec=record,
    recd=received, ref=reference, reg=registration, regn=region, rel=relation, req=request,
    res=reservation, resp=response, rev=revenue, rgn=region, rm=room, rpt=report, rtng=rating,
    sal=salary, sch=school, sec=section, sect=section, sem=semester, seq=sequence, serv=service,
    shp=shipment, shpmt=shipment, sku=sku, spec=specification, sq=square, src=source,
    srv=service, stat=status, stats=statistics, std=standard, stf=staff, stn=station,
    stu=student, stud=student, subj=subject, supp=supplier, suppl=supplier, svc=service,
    sys=system, tech=technician, tel=telephone, temp=temperature, terr=territory, tmp=temporary,
    tmstmp=timestamp, tot=total, trans=transaction, transf=transfer, trk=track, trn=transaction,
    trx=transaction, txn=transaction, txt=text, typ=type, uni=university, univ=university,
    upd=updated, usr=user, usrs=users, val=value, veh=vehicle, vend=vendor, vol=volume,
    vsl=vessel, wgt=weight, wh=warehouse, whse=warehouse, wk=week, wt=weight, yr=year,
    yrs=years, zip=zip code
    """
)
# What a piece means when it is the whole name.
ALONE = _pairs(
    """
    desc=description, dob=date of birth, gpa=grade point average, hp=horsepower, lat=latitude,
    lng=longitude, long=longitude, max=maximum, min=minimum, mpg=miles per gallon, name=name,
    no=number, num=number, pop=population, qty=quantity, ref=reference, sex=sex, st=street,
    temp=temperature, ts=time
    """
)
# Pieces that say what kind of thing a name is in the database, not in the world.
TABLE_MARKS = frozenset("tbl table t vw view v dim fact fct ref lkp lookup xref stg mst tb".split())
COLUMN_MARKS = frozenset("col fld".split())

# Further ways to say a word that ends a name; used where no other column is called so.
SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "phone": ("phone number",),
        "telephone": ("phone number",),
        "email": ("email address",),
        "mail": ("email address",),
        "salary": ("pay",),
        "price": ("cost",),
        "headquarters": ("head office",),
        "birthday": ("date of birth",),
        "birthdate": ("date of birth", "birth date"),
        "birth date": ("date of birth",),
        "birth year": ("year of birth",),
        "nationality": ("country of origin",),
        "zip code": ("postal code",),
        "surname": ("last name",),
        "kind": ("type",),
        "quantity": ("amount",),
        "description": ("details",),
        "occupation": ("job",),
    }
)
# Words for rows; the singular and plural of each are made by rule.
TABLE_SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "customer": ("client",),
        "employee": ("worker",),
        "staff": ("staff member",),
        "vehicle": ("car",),
        "physician": ("doctor",),
        "faculty": ("faculty member",),
        "personnel": ("staff member",),
        "airline": ("airline company",),
        "film": ("movie",),
        "movie": ("film",),
    }
)
